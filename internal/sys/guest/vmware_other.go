// SPDX-License-Identifier: Apache-2.0

//go:build !amd64

package guest

import "errors"

// ErrNotVMware is the error of OpenVMware outside of VMware.
var ErrNotVMware = errors.New("this machine is not a VMware guest")

// errArchitecture is the error on architectures without the channel.
var errArchitecture = errors.New("VMware's guestinfo can be read on amd64 only")

// VMware stands for the guestinfo variables, which this architecture does not have.
type VMware struct{}

// OpenVMware fails.
func OpenVMware() (*VMware, error) { return nil, errArchitecture }

// Get fails.
func (*VMware) Get(string) (string, error) { return "", errArchitecture }

// Set fails.
func (*VMware) Set(string, string) error { return errArchitecture }
