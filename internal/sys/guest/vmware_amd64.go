// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/vmware/vmw-guestinfo/rpcout"
	"github.com/vmware/vmw-guestinfo/vmcheck"
)

// ErrNotVMware says that the machine is not a VMware guest.
var ErrNotVMware = errors.New("this machine is not a VMware guest")

// VMware are the guestinfo variables, over the backdoor of the hypervisor.
type VMware struct{}

// OpenVMware checks that there is a backdoor before anything knocks at it: elsewhere that would end the process. Access to
// its port is a right of the thread that asked, so the goroutine keeps it.
func OpenVMware() (*VMware, error) {
	runtime.LockOSThread()
	inside, err := vmcheck.IsVirtualWorld(true)
	if err != nil || !inside {
		return nil, errors.Join(ErrNotVMware, err)
	}
	return &VMware{}, nil
}

// Get returns a variable; one that is not set is empty.
func (*VMware) Get(key string) (string, error) {
	value, found, err := rpcout.SendOne("info-get guestinfo.%s", key)
	if err != nil {
		return "", fmt.Errorf("get guestinfo.%s: %w", key, err)
	}
	if !found {
		return "", nil
	}
	return string(value), nil
}

// Set changes a variable.
func (*VMware) Set(key, value string) error {
	_, done, err := rpcout.SendOne("info-set guestinfo.%s %s", key, value)
	if err == nil && !done {
		err = errors.New("the hypervisor refuses")
	}
	if err != nil {
		return fmt.Errorf("set guestinfo.%s: %w", key, err)
	}
	return nil
}
