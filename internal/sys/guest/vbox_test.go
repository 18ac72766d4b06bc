// SPDX-License-Identifier: Apache-2.0

package guest

import (
	"encoding/binary"
	"errors"
	"io/fs"
	"testing"
	"unsafe"
)

// hypervisor plays VirtualBox behind the driver.
type hypervisor struct {
	t      *testing.T
	values map[string]string
	result int32 // of deletions
	calls  []uintptr
}

func (h *hypervisor) ioctl(request uintptr, message []byte) error {
	if size := request >> 16 & 0x3fff; size != uintptr(len(message)) || request>>30 != 3 || byte(request>>8) != 'V' {
		h.t.Errorf("request %#x for %d bytes", request, len(message))
	}
	if binary.NativeEndian.Uint32(message) != uint32(len(message)) || binary.NativeEndian.Uint32(message[4:]) != vboxVersion {
		h.t.Errorf("header %x", message[:8])
	}
	number := request & 0xff
	h.calls = append(h.calls, number)
	switch number {
	case 4:
		if string(message[28:28+len(vboxService)]) != vboxService {
			h.t.Errorf("connects to %q", message[28:60])
		}
		binary.NativeEndian.PutUint32(message[vboxHeader:], 7)
	case 7:
		binary.NativeEndian.PutUint32(message[vboxResult:], uint32(h.call(message)))
	}
	return nil
}

// call answers a function call as the service does.
func (h *hypervisor) call(message []byte) int32 {
	argument := func(n int) []byte { return message[vboxHeader+16+vboxParameter*n:] }
	pointer := func(n int) []byte {
		field := argument(n)
		address := *(*unsafe.Pointer)(unsafe.Pointer(&field[8]))
		return unsafe.Slice((*byte)(address), binary.NativeEndian.Uint32(field[4:]))
	}
	name := pointer(0)
	value, found := h.values[string(name[:len(name)-1])]
	switch function := binary.NativeEndian.Uint32(message[vboxHeader+4:]); {
	case binary.NativeEndian.Uint32(message[vboxHeader:]) != 7:
		h.t.Error("not the client that connected")
	case !found:
		return vboxNotFound
	case function == vboxDelete:
		return h.result
	}
	binary.NativeEndian.PutUint32(argument(3)[4:], uint32(len(value)))
	if len(pointer(1)) < len(value) {
		return vboxTooSmall
	}
	copy(pointer(1), value)
	return 0
}

func TestVBox(t *testing.T) {
	h := &hypervisor{t: t, values: map[string]string{"/a": "text\x00flags\x00", "/one": "\x00"}}
	v := &VBox{ioctl: h.ioctl, close: func() error { return nil }}
	if err := v.connect(); err != nil {
		t.Fatal(err)
	}
	for name, want := range h.values {
		if got, err := v.Get(name); err != nil || string(got) != want {
			t.Errorf("%s is %q, error %v", name, got, err)
		}
	}
	if _, err := v.Get("/none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	if err := v.Delete("/a"); err != nil {
		t.Error(err)
	}
	h.result = vboxDenied
	if err := v.Delete("/a"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("error %v", err)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
	if h.calls[0] != 0 || h.calls[1] != 4 || h.calls[len(h.calls)-1] != 5 {
		t.Errorf("calls %v", h.calls)
	}
}
