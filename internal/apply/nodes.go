// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"

	"github.com/firstlight-boot/firstlight/internal/op"
	"github.com/firstlight-boot/firstlight/internal/rootfs"
)

// Operations on nodes can be repeated: they replace the same node again, an append knows where it began, and recoverNode removes
// what an earlier run made in an empty place. None of them counts as applied after a look at the machine, because recreating a
// directory above removes its contents.

// recoverNode removes a file or link that an earlier run made in an empty place. A node that the run cannot have made stays, and
// blocks the step.
func recoverNode(m *Machine, p op.Place, own func(rootfs.Info) (bool, error)) (Outcome, error) {
	if p.Replace {
		return NotApplied, nil
	}
	info, err := m.Root.Lstat(p.Path)
	if err != nil || info.Type == rootfs.None {
		return NotApplied, err
	}
	ours, err := own(info)
	if err == nil && ours {
		err = m.Root.RemoveFile(p.Path)
	}
	return NotApplied, err
}

// recoverFile recognizes a file with content from the network by its mark: a server may answer differently the next time, and
// fetching takes long. Where the filesystem keeps no mark, the content is fetched again and compared.
func recoverFile(ctx context.Context, m *Machine, o op.WriteFile) (Outcome, error) {
	if !remote(o) {
		return recoverText(m, o.Place, func(w io.Writer) error { return writeContent(ctx, m.fetch, o, w) })
	}
	return recoverNode(m, o.Place, func(i rootfs.Info) (bool, error) {
		if marked, err := m.Root.Marked(o.Path); err != nil || marked || i.Type != rootfs.Regular {
			return marked, err
		}
		spool, err := m.Root.Spool(o.Path)
		if err != nil {
			return false, err
		}
		defer spool.Close()
		if err := writeContent(ctx, m.fetchNow, o, spool); err != nil {
			return false, err
		}
		if _, err := spool.Seek(0, io.SeekStart); err != nil {
			return false, err
		}
		return isLeaving(m, o.Path, func(w io.Writer) error {
			_, err := io.Copy(w, spool)
			return err
		})
	})
}

// remote reports whether any part of a file's content comes from the network.
func remote(o op.WriteFile) bool {
	return o.Content != nil && o.Content.Remote || slices.ContainsFunc(o.Fragments, func(c op.Content) bool { return c.Remote })
}

// recoverText is recoverNode for a file whose content is available now.
func recoverText(m *Machine, p op.Place, content func(io.Writer) error) (Outcome, error) {
	return recoverNode(m, p, func(i rootfs.Info) (bool, error) {
		if i.Type != rootfs.Regular {
			return false, nil
		}
		return isLeaving(m, p.Path, content)
	})
}

// isLeaving reports whether a regular file is what an interrupted run left of the content.
func isLeaving(m *Machine, place string, content func(io.Writer) error) (bool, error) {
	file, err := m.Root.Open(place)
	if err != nil {
		return false, err
	}
	defer file.Close()
	l := &leaving{file: file}
	if err := content(l); err != nil {
		return false, err
	}
	return l.ours(), nil
}

// A leaving compares a file with what an interrupted run was writing to it: after a power cut its end may be missing, and blocks
// of it may be zeros.
type leaving struct {
	file    io.Reader
	differs bool
}

// Write compares the next bytes.
func (l *leaving) Write(want []byte) (int, error) {
	have := make([]byte, len(want))
	n, err := io.ReadFull(l.file, have)
	for i, b := range have[:n] {
		l.differs = l.differs || b != want[i] && b != 0
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		err = nil
	}
	return len(want), err
}

// ours reports whether the file is such a leaving. It is called after the last Write.
func (l *leaving) ours() bool {
	n, _ := l.file.Read(make([]byte, 1))
	return !l.differs && n == 0
}

// holds reports whether a file has exactly the content.
func holds(m *Machine, place string, content func(io.Writer) error) (bool, error) {
	info, err := m.Root.Lstat(place)
	if err != nil || info.Type != rootfs.Regular {
		return false, err
	}
	file, err := m.Root.Open(place)
	if err != nil {
		return false, err
	}
	defer file.Close()
	var want bytes.Buffer
	if err := content(&want); err != nil {
		return false, err
	}
	have, err := io.ReadAll(io.LimitReader(file, int64(want.Len())+1))
	return bytes.Equal(have, want.Bytes()), err
}

func recoverLink(_ context.Context, m *Machine, o op.MakeLink) (Outcome, error) {
	return recoverNode(m, o.Place, func(i rootfs.Info) (bool, error) {
		if i.Type != rootfs.Symlink {
			return false, nil
		}
		target, err := m.Root.Readlink(o.Path)
		return target == o.Target, err
	})
}

func recoverHardLink(_ context.Context, m *Machine, o op.MakeHardLink) (Outcome, error) {
	return recoverNode(m, o.Place, func(i rootfs.Info) (bool, error) {
		target, err := m.Root.Resolve(o.Target)
		if err != nil {
			return false, err
		}
		of, err := m.Root.Lstat(target)
		return of.Type != rootfs.None && i.Dev == of.Dev && i.Ino == of.Ino, err
	})
}

// parents makes the directories that a place needs.
func parents(m *Machine, place string) error {
	_, err := m.Root.MkdirAll(path.Dir(place))
	return err
}

func makeDirectory(_ context.Context, m *Machine, o op.MakeDirectory) error {
	if o.Replace {
		if err := m.Root.Remove(o.Path); err != nil {
			return err
		}
	}
	if !o.Exists {
		mode := uint32(0o755)
		if o.Mode != op.NoMode {
			mode = uint32(o.Mode) & 0o700 // until it has its owner
		}
		if err := parents(m, o.Path); err != nil {
			return err
		}
		if err := m.Root.Mkdir(o.Path, mode); err != nil {
			return err
		}
	}
	if err := m.Root.Chown(o.Path, o.Owner.UID, o.Owner.GID); err != nil || o.Mode == op.NoMode {
		return err
	}
	return m.Root.Chmod(o.Path, uint32(o.Mode))
}

func writeFile(ctx context.Context, m *Machine, o op.WriteFile) error {
	if o.Content != nil && len(o.Fragments) == 0 {
		if whole, err := m.ahead.whole(ctx, m.Payloads[o.Content.Handle]); err != nil {
			return err
		} else if whole != nil {
			begin := marking(o, func(path string) (*rootfs.File, error) { return m.Root.Adopt(path, whole) })
			return put(m, begin, o.Place, o.Owner, o.Mode, func(io.Writer) error { return nil })
		}
	}
	begin := marking(o, m.Root.Create)
	return put(m, begin, o.Place, o.Owner, o.Mode, func(w io.Writer) error { return writeContent(ctx, m.fetch, o, w) })
}

// marking has the file marked if recoverFile needs that.
func marking(o op.WriteFile, begin func(path string) (*rootfs.File, error)) func(path string) (*rootfs.File, error) {
	if o.Replace || !remote(o) {
		return begin
	}
	return withMark(begin)
}

// withMark has the file marked as firstlight's own.
func withMark(begin func(path string) (*rootfs.File, error)) func(path string) (*rootfs.File, error) {
	return func(path string) (*rootfs.File, error) {
		f, err := begin(path)
		if err == nil {
			f.Mark()
		}
		return f, err
	}
}

// A getter writes the payload of a handle.
type getter func(ctx context.Context, handle op.Handle, w io.Writer) error

func writeContent(ctx context.Context, get getter, o op.WriteFile, w io.Writer) error {
	if o.Content != nil {
		if err := get(ctx, o.Content.Handle, w); err != nil {
			return err
		}
	}
	return getAll(ctx, get, o.Fragments, w)
}

// create puts a new file into place once its content is complete.
func create(m *Machine, p op.Place, owner op.Owner, mode int, content func(io.Writer) error) error {
	return put(m, m.Root.Create, p, owner, mode, content)
}

// put is create for a file that has begun in some way.
func put(m *Machine, begin func(path string) (*rootfs.File, error), p op.Place, owner op.Owner, mode int, content func(io.Writer) error) error {
	f, err := begin(p.Path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := parents(m, p.Path); err != nil {
			return err
		}
		f, err = begin(p.Path)
	}
	if err != nil {
		return err
	}
	err = content(f)
	if err == nil {
		err = f.Chown(owner.UID, owner.GID)
	}
	if err == nil && mode != op.NoMode {
		err = f.Chmod(uint32(mode))
	}
	if err != nil {
		return errors.Join(err, f.Discard())
	}
	return f.Commit(p.Replace)
}

// fetch writes the verified payload of a handle. If it fails, discard what it wrote.
func (m *Machine) fetch(ctx context.Context, handle op.Handle, w io.Writer) error {
	if p, ok := m.Payloads[handle]; ok {
		if early, err := m.ahead.reader(ctx, p); err != nil {
			return err
		} else if early != nil {
			defer early.Close()
			_, err := io.Copy(w, early)
			return err
		}
	}
	return m.fetchNow(ctx, handle, w)
}

// fetchNow is fetch for a payload of which nothing may have been fetched ahead, or that is needed once more.
func (m *Machine) fetchNow(ctx context.Context, handle op.Handle, w io.Writer) error {
	p, ok := m.Payloads[handle]
	switch {
	case !ok:
		return errNoPayload
	case p.Text != nil:
		_, err := io.WriteString(w, *p.Text)
		return err
	}
	return m.Fetch.Fetch(ctx, request(p), w)
}

// errNoPayload is the error for an unknown handle: the plan was made from another config.
var errNoPayload = errors.New("the config does not have the content that the plan names; run the plan with the config that it was made from")

// getAll writes fragments one after another.
func getAll(ctx context.Context, get getter, fragments []op.Content, w io.Writer) error {
	for i, c := range fragments {
		if err := get(ctx, c.Handle, w); err != nil {
			return fmt.Errorf("fragment %d: %w", i, err)
		}
	}
	return nil
}

func keepFile(ctx context.Context, m *Machine, o op.KeepFile) error {
	if err := appendFragments(ctx, m, o); err != nil {
		return err
	}
	if err := m.Root.Chown(o.Path, o.Owner.UID, o.Owner.GID); err != nil || o.Mode == op.NoMode {
		return err
	}
	return m.Root.Chmod(o.Path, uint32(o.Mode))
}

// appendFragments adds all fragments to the original contents of a file. The fragments are complete and verified before it
// touches the file.
func appendFragments(ctx context.Context, m *Machine, o op.KeepFile) error {
	if len(o.Fragments) == 0 {
		return nil
	}
	if digest, err := m.Root.Digest(o.Path, o.Size); err != nil {
		return err
	} else if digest != o.Digest {
		return fmt.Errorf("append to %s: %w", o.Path, rootfs.ErrTail)
	}
	spool, err := m.Root.Spool(o.Path)
	if err != nil {
		return err
	}
	defer spool.Close()
	if err := getAll(ctx, m.fetch, o.Fragments, spool); err != nil {
		return err
	}
	if _, err := spool.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("read fragments again: %w", err)
	}
	return m.Root.Append(o.Path, o.Size, spool)
}

func makeLink(_ context.Context, m *Machine, o op.MakeLink) error {
	if err := parents(m, o.Path); err != nil {
		return err
	}
	return m.Root.Symlink(o.Target, o.Path, o.Owner.UID, o.Owner.GID, o.Replace)
}

func makeHardLink(_ context.Context, m *Machine, o op.MakeHardLink) error {
	target, err := m.Root.Resolve(o.Target)
	if err != nil {
		return err
	}
	info, err := m.Root.Lstat(target)
	if err != nil {
		return err
	}
	if info.Type == rootfs.None {
		return fmt.Errorf("the target %s does not exist", o.Target)
	}
	if err := parents(m, o.Path); err != nil {
		return err
	}
	return m.Root.Link(target, o.Path, o.Replace)
}
