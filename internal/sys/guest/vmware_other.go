// SPDX-License-Identifier: Apache-2.0

//go:build !amd64

package guest

import "errors"

// ErrNotVMware says that the machine is not a VMware guest.
var ErrNotVMware = errors.New("this machine is not a VMware guest")

// errArchitecture says that the channel exists for one architecture only.
var errArchitecture = errors.New("VMware's guestinfo can be read on amd64 only")

// VMware are the guestinfo variables; there are none here.
type VMware struct{}

// OpenVMware fails.
func OpenVMware() (*VMware, error) { return nil, errArchitecture }

// Get fails.
func (*VMware) Get(string) (string, error) { return "", errArchitecture }

// Set fails.
func (*VMware) Set(string, string) error { return errArchitecture }
