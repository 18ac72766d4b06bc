// SPDX-License-Identifier: Apache-2.0

// Command demo shows the main job on a real guest: a machine boots for the first time, is provisioned by its config, and is
// never provisioned again. Its exit status is 0 only if all checks pass.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/firstlight-boot/firstlight/tests/vm"
)

func main() {
	began := time.Now()
	if err := demo(); err != nil {
		fmt.Fprintln(os.Stderr, "\ndemo: FAILED:", err)
		os.Exit(1)
	}
	fmt.Printf("\nAll of it held. (%s)\n", time.Since(began).Round(time.Second))
}

func step(format string, args ...any) { fmt.Printf("\n== "+format+"\n", args...) }

// bootTime bounds one boot.
const bootTime = 5 * time.Minute

// untilServed keeps the guest on until the host has got its page.
const untilServed = "until [ -e /run/served ]; do sleep 0.2; done\n"

func demo() error {
	if why := vm.Unable(); why != "" {
		return errors.New(why)
	}
	step("Preparing a Debian guest (built once, then cached)")
	guest, err := vm.Prepare(os.Stdout, vm.Extra{})
	if err != nil {
		return err
	}
	c, err := vm.Load("tests/vm/demo")
	if err != nil {
		return err
	}
	stop, err := c.Serve("")
	if err != nil {
		return err
	}
	defer stop()
	dir, err := os.MkdirTemp("", "firstlight-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	m := c.Machine(guest, dir)
	m.CPUs = 2
	m.Forward = 8080
	if m.Port, err = freePort(); err != nil {
		return err
	}
	if err := m.Create(); err != nil {
		return err
	}
	step("First boot: a blank 1 GiB disk, a config in fw_cfg, two files at %s", c.URL)
	first, err := boot(m, c, untilServed)
	if err != nil {
		return err
	}
	step("Second boot: the same command line, first-boot flag included")
	second, err := boot(m, c, "")
	if err != nil {
		return err
	}
	return compare(c, first, second)
}

// freePort returns an unused port of the loopback.
func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// boot starts the machine, shows firstlight's console messages, asks the guest's service for the page if wait is set, and
// returns the guest's report.
func boot(m *vm.Machine, c vm.Case, wait string) (string, error) {
	b, err := c.Boot(m, "expect")
	if err != nil {
		return "", err
	}
	began := time.Now()
	b.Script, b.Timeout = wait+b.Script, bootTime
	b.Console = &console{began: began}
	r, err := m.Start(b)
	if err != nil {
		return "", err
	}
	stop := heartbeat(began)
	defer stop()
	if wait != "" {
		if err := askForPage(m.Port, filepath.Join(c.Dir, "index.html")); err != nil {
			r.Kill()
			return "", fmt.Errorf("%w; the console ends with\n%s", err, last(r.Console(), 20))
		}
	}
	said, err := r.Wait()
	if err != nil {
		return "", fmt.Errorf("%w; the console ends with\n%s", err, last(r.Console(), 20))
	}
	fmt.Printf("   off after %s\n", time.Since(began).Round(time.Second))
	return said, nil
}

// console shows the lines of a serial console that are firstlight's.
type console struct {
	began time.Time
	line  strings.Builder
}

func (c *console) Write(p []byte) (int, error) {
	for _, b := range p {
		if b != '\n' {
			c.line.WriteByte(b)
			continue
		}
		text := strings.TrimRight(c.line.String(), "\r")
		if strings.HasPrefix(text, "firstlight:") || strings.HasPrefix(text, "  ") {
			fmt.Printf("\r   %3.0f s  console | %s\n", time.Since(c.began).Seconds(), text)
		}
		c.line.Reset()
	}
	return len(p), nil
}

// heartbeat prints a sign of life at intervals.
func heartbeat(began time.Time) (stop func()) {
	var done atomic.Bool
	tick := time.NewTicker(time.Second)
	go func() {
		for range tick.C {
			if done.Load() {
				return
			}
			fmt.Printf("\r   %3.0f s  ", time.Since(began).Seconds())
		}
	}()
	return func() {
		done.Store(true)
		fmt.Print("\r")
	}
}

// askForPage asks the service of the guest, over the forwarded port, until it answers, and compares the answer.
func askForPage(port int, file string) error {
	want, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), bootTime)
	defer cancel()
	address := fmt.Sprintf("http://127.0.0.1:%d/", port)
	for tick := time.NewTicker(300 * time.Millisecond); ; {
		if page, err := get(ctx, address); err == nil {
			fmt.Printf("\r   GET %s answers:\n        %s", address, page)
			if page != string(want) {
				return errors.New("the guest's service answers with another page")
			}
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the guest's service did not answer within %s", bootTime)
		case <-tick.C:
		}
	}
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	page, err := io.ReadAll(resp.Body)
	return string(page), err
}

// compare checks that both boots have the wanted machine, and that the second one did nothing.
func compare(c vm.Case, first, second string) error {
	step("Comparing what the guest said of itself")
	expect, err := os.ReadFile(filepath.Join(c.Dir, "expect"))
	if err != nil {
		return err
	}
	wanted := strings.Split(strings.TrimSpace(string(expect)), "\n")
	for _, boot := range []struct{ name, said string }{{"first", first}, {"second", second}} {
		if wrong := vm.Compare(wanted, boot.said); len(wrong) > 0 {
			return fmt.Errorf("after the %s boot:\n%s", boot.name, strings.Join(wrong, "\n"))
		}
	}
	a, b := ofTheMachine(first), ofTheMachine(second)
	for i := range a {
		if i >= len(b) || a[i] != b[i] {
			return fmt.Errorf("the second boot changed something; before and after:\n%s\n%s", a[i], strings.Join(b, "\n"))
		}
		fmt.Println("   same  ", shorten(a[i]))
	}
	if wrong := vm.Compare([]string{"log already provisioned on", "!log started"}, second); len(wrong) > 0 {
		return fmt.Errorf("the second boot's log:\n%s", strings.Join(wrong, "\n"))
	}
	return nil
}

// ofTheMachine leaves out the lines about one boot: its log, the facts its stages captured, and the remaining plan. The rest
// must stay the same across boots.
func ofTheMachine(said string) []string {
	var facts []string
	for _, l := range strings.Split(strings.TrimSpace(said), "\n") {
		switch kind, _, _ := strings.Cut(l, " "); kind {
		case "log", "captured", "left":
		default:
			facts = append(facts, l)
		}
	}
	return facts
}

func shorten(line string) string {
	const width = 110
	if len(line) > width {
		return line[:width] + "…"
	}
	return line
}

func last(text string, n int) string {
	all := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(all[max(0, len(all)-n):], "\n")
}
