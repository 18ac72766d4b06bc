// SPDX-License-Identifier: Apache-2.0

package observe

import (
	"sync"

	"github.com/firstlight-boot/firstlight/internal/sys"
)

// openDevices are the block devices that a look reads. They stay open until it is over: the kernel drops its cache of a device
// when its last user closes it, and several readers look at the same places.
type openDevices struct {
	system sys.Opener
	mu     sync.Mutex
	files  map[string]func() (sys.ReadDisk, error) // by node; opens it once
}

func (d *openDevices) file(node string) (sys.ReadDisk, error) {
	d.mu.Lock()
	open, ok := d.files[node]
	if !ok {
		open = sync.OnceValues(func() (sys.ReadDisk, error) { return d.system.OpenRead(node) })
		d.files[node] = open
	}
	d.mu.Unlock()
	return open()
}

func (d *openDevices) close() {
	for _, open := range d.files {
		if file, err := open(); err == nil {
			file.Close()
		}
	}
}

// readers bounds how many places of disks are read at the same time.
const readers = 32

// sideBySide calls do with all numbers below n, many at the same time: disks that must spin up then do so together.
func sideBySide(n int, do func(i int)) {
	var wait sync.WaitGroup
	free := make(chan struct{}, readers)
	for i := range n {
		free <- struct{}{}
		wait.Go(func() {
			do(i)
			<-free
		})
	}
	wait.Wait()
}
