// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"errors"
	"fmt"
	"runtime"

	"github.com/vmware/vmw-guestinfo/rpcout"
	"github.com/vmware/vmw-guestinfo/vmcheck"
)

// ErrNotVMware is the error of OpenVMware outside of VMware.
var ErrNotVMware = errors.New("this machine is not a VMware guest")

// VMware reads and writes the guestinfo variables over the backdoor of the hypervisor.
type VMware struct{}

// OpenVMware checks that the backdoor exists before anything uses it: without one, the access would end the process. The
// right to use its port belongs to the thread, so the goroutine keeps the thread.
func OpenVMware() (*VMware, error) {
	runtime.LockOSThread()
	inside, err := vmcheck.IsVirtualWorld(true)
	if err != nil || !inside {
		return nil, errors.Join(ErrNotVMware, err)
	}
	return &VMware{}, nil
}

// Get returns a variable, or "" if it is not set.
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
		err = errors.New("the hypervisor refused")
	}
	if err != nil {
		return fmt.Errorf("set guestinfo.%s: %w", key, err)
	}
	return nil
}
