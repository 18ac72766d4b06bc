// SPDX-License-Identifier: Apache-2.0

package vm

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// A space is a network namespace. Its servers can use addresses and ports that the host uses otherwise; only a machine that
// runs in the namespace reaches them.
type space struct{ work chan func() }

func newSpace() (*space, error) {
	s := &space{make(chan func())}
	made := make(chan error)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine, and the namespace with its last process
		err := syscall.Unshare(syscall.CLONE_NEWNET)
		if err == nil {
			err = run("ip", "link", "set", "lo", "up")
		}
		made <- err
		for f := range s.work {
			f()
		}
	}()
	if err := <-made; err != nil {
		s.close()
		return nil, fmt.Errorf("make a network namespace: %w", err)
	}
	return s, nil
}

// do calls a function in the namespace, or in the host's if s is nil.
func (s *space) do(f func() error) error {
	if s == nil {
		return f()
	}
	done := make(chan error)
	s.work <- func() { done <- f() }
	return <-done
}

// close ends the namespace and kills the programs started in it.
func (s *space) close() {
	if s != nil {
		close(s.work)
	}
}

// errNoMock is the error if the mock is not installed.
var errNoMock = errors.New("ec2-metadata-mock is missing; ./build servers installs it")

// A mock is AWS's mock of EC2's metadata service, at a port of the loopback.
type mock struct {
	port int
	cmd  *exec.Cmd
}

// startMock serves a config as user data at a path, to clients that open a session first.
func startMock(config, path, dir string) (*mock, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	program := filepath.Join(cache, "firstlight", "servers", "ec2-metadata-mock")
	if _, err := os.Stat(program); err != nil {
		return nil, errNoMock
	}
	data, err := os.ReadFile(config)
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(map[string]any{"userdata": map[string]any{
		"paths": map[string]string{"userdata": path}, "values": map[string]string{"userdata": base64.StdEncoding.EncodeToString(data)},
	}})
	if err != nil {
		return nil, err
	}
	file := filepath.Join(dir, "mock.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	m := &mock{port: free.Addr().(*net.TCPAddr).Port}
	free.Close()
	m.cmd = exec.Command(program, "--imdsv2", "--hostname", "127.0.0.1", "--port", strconv.Itoa(m.port), "--config-file", file)
	m.cmd.Dir = dir
	m.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := m.cmd.Start(); err != nil {
		return nil, err
	}
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		conn, err := net.Dial("tcp", "127.0.0.1:"+strconv.Itoa(m.port))
		if err == nil {
			conn.Close()
			return m, nil
		}
		if time.Since(began) > time.Minute {
			m.stop()
			return nil, fmt.Errorf("start the mock: %w", err)
		}
	}
}

func (m *mock) stop() {
	m.cmd.Process.Kill()
	m.cmd.Wait()
}
