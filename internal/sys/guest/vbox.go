// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"encoding/binary"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The interface of the driver vboxguest (Linux include/uapi/linux/vboxguest.h and vbox_vmmdev_types.h). Every request begins
// with a header: sizes, version, type, and the hypervisor's result.
const (
	vboxDevice   = "/dev/vboxguest"
	vboxService  = "VBoxGuestPropSvc"
	vboxHeader   = 24
	vboxVersion  = 0x10001 // of the header
	vboxDriver   = 0x10000 // of the interface, 1.0
	vboxResult   = 12      // offset of the result in the header
	vboxExisting = 2       // connect to an existing service
	vboxGet      = 1
	vboxDelete   = 4
	vboxForever  = 0xffffffff

	vboxParameter = 16 // bytes of each
	parameter32   = 1
	parameter64   = 2
	parameterAddr = 4
	parameterIn   = 5
)

// Results of the hypervisor.
const (
	vboxTooSmall  = -41 // and 41, as a warning
	vboxNotFound  = -78
	vboxDenied    = -38
	vboxForbidden = -10
)

// VBox is a connection to the service of guest properties.
type VBox struct {
	ioctl  func(request uintptr, message []byte) error
	close  func() error
	client uint32
}

// OpenVBox connects to the service.
func OpenVBox() (*VBox, error) {
	fd, err := unix.Open(vboxDevice, unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: vboxDevice, Err: err}
	}
	v := &VBox{close: func() error { return unix.Close(fd) }, ioctl: func(request uintptr, message []byte) error {
		_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&message[0])))
		if errno != 0 {
			return errno
		}
		return nil
	}}
	if err := v.connect(); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// connect negotiates the version of the interface and gets a client id from the service.
func (v *VBox) connect() error {
	message := vboxMessage(44)
	binary.NativeEndian.PutUint32(message[vboxHeader:], vboxDriver)
	binary.NativeEndian.PutUint32(message[vboxHeader+4:], vboxDriver)
	if err := v.call(0, message); err != nil {
		return fmt.Errorf("settle the version of %s: %w", vboxDevice, err)
	}
	message = vboxMessage(vboxHeader + 132)
	binary.NativeEndian.PutUint32(message[vboxHeader:], vboxExisting)
	copy(message[vboxHeader+4:], vboxService)
	if err := v.call(4, message); err != nil {
		return fmt.Errorf("connect to %s: %w", vboxService, err)
	}
	v.client = binary.NativeEndian.Uint32(message[vboxHeader:])
	return nil
}

// Get returns the value of a property with its flags.
func (v *VBox) Get(name string) ([]byte, error) {
	for size := uint32(1); ; {
		buffer := make([]byte, size)
		parameters := []vboxArgument{address(parameterIn, cString(name)), address(parameterAddr, buffer), {kind: parameter64}, {kind: parameter32}}
		err := v.function(vboxGet, parameters)
		needed := uint32(parameters[3].value)
		if result, ok := err.(vboxError); ok && (result == vboxTooSmall || result == -vboxTooSmall) && needed > size {
			size = needed
			continue
		}
		if err != nil {
			return nil, err
		}
		if needed > size {
			size = needed
			continue
		}
		return buffer[:needed], nil
	}
}

// Delete removes a property.
func (v *VBox) Delete(name string) error {
	return v.function(vboxDelete, []vboxArgument{address(parameterIn, cString(name))})
}

// Close ends the connection.
func (v *VBox) Close() error {
	message := vboxMessage(vboxHeader + 4)
	binary.NativeEndian.PutUint32(message[vboxHeader:], v.client)
	err := v.call(5, message)
	if closed := v.close(); err == nil {
		err = closed
	}
	return err
}

// A vboxArgument is a number, or the address of a buffer.
type vboxArgument struct {
	kind   uint32
	value  uint64
	buffer []byte
}

func address(kind uint32, buffer []byte) vboxArgument {
	return vboxArgument{kind: kind, buffer: buffer}
}

func cString(text string) []byte { return append([]byte(text), 0) }

// function calls a function of the service, and reads back the numbers among its arguments.
func (v *VBox) function(number uint32, arguments []vboxArgument) error {
	const fixed = vboxHeader + 16
	message := vboxMessage(fixed + vboxParameter*len(arguments))
	binary.NativeEndian.PutUint32(message[vboxHeader:], v.client)
	binary.NativeEndian.PutUint32(message[vboxHeader+4:], number)
	binary.NativeEndian.PutUint32(message[vboxHeader+8:], vboxForever)
	binary.NativeEndian.PutUint16(message[vboxHeader+14:], uint16(len(arguments)))
	var pinned runtime.Pinner
	defer pinned.Unpin()
	for i, a := range arguments {
		field := message[fixed+vboxParameter*i:]
		binary.NativeEndian.PutUint32(field, a.kind)
		if a.buffer != nil {
			pinned.Pin(&a.buffer[0])
			binary.NativeEndian.PutUint32(field[4:], uint32(len(a.buffer)))
			binary.NativeEndian.PutUint64(field[8:], uint64(uintptr(unsafe.Pointer(&a.buffer[0]))))
		}
	}
	err := v.call(7, message)
	for i := range arguments {
		field := message[fixed+vboxParameter*i:]
		switch arguments[i].kind {
		case parameter32:
			arguments[i].value = uint64(binary.NativeEndian.Uint32(field[4:]))
		case parameter64:
			arguments[i].value = binary.NativeEndian.Uint64(field[4:])
		}
	}
	return err
}

// call sends a request to the driver.
func (v *VBox) call(number uintptr, message []byte) error {
	const readWrite = 3 << 30
	if err := v.ioctl(readWrite|uintptr(len(message))<<16|'V'<<8|number, message); err != nil {
		return err
	}
	if result := vboxError(int32(binary.NativeEndian.Uint32(message[vboxResult:]))); result != 0 {
		return result
	}
	return nil
}

// vboxMessage returns a request of a size, with its header.
func vboxMessage(size int) []byte {
	message := make([]byte, size)
	binary.NativeEndian.PutUint32(message, uint32(size))
	binary.NativeEndian.PutUint32(message[4:], vboxVersion)
	return message
}

// A vboxError is a result code of the hypervisor other than success.
type vboxError int32

func (e vboxError) Error() string { return fmt.Sprintf("VirtualBox answered with code %d", int32(e)) }

// Is matches the errors of package fs.
func (e vboxError) Is(target error) bool {
	return e == vboxNotFound && target == fs.ErrNotExist || (e == vboxDenied || e == vboxForbidden) && target == fs.ErrPermission
}
