// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// The host's end of the connection (vsock(7)), which serves the config to every client.
const (
	vsockHost = 2
	vsockPort = 1024
	vsockSeen = "sys/devices/virtual/misc/vsock"
)

// appleHV asks the hypervisor's process by HTTP over a socket between host and guest.
func appleHV(ctx context.Context, env *Env) (Found, error) {
	found := Found{Name: "vsock port 1024 of the host"}
	if err := env.module(ctx, "vsock", vsockSeen); err != nil {
		return found, &Error{found.Name, fmt.Errorf("load the driver of vsock: %w", err), "add the kernel module vsock to the initramfs"}
	}
	data, err := env.try(found.Name, func() ([]byte, error) { return askHost(ctx, env) })
	if err != nil {
		return found, &Error{found.Name, err, "start the machine with vfkit --ignition"}
	}
	found.Data = data
	return found, nil
}

func askHost(ctx context.Context, env *Env) ([]byte, error) {
	conn, err := env.Channels.VSock(ctx, vsockHost, vsockPort)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(env.Timeout)); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: d\r\nAccept: application/json\r\n\r\n"); err != nil {
		return nil, err
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return nil, fmt.Errorf("read the host's answer: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return nil, fmt.Errorf("the host answers with status %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxConfig+1))
	if err == nil && len(data) > maxConfig {
		err = errors.New("the host's answer is larger than the limit of a config")
	}
	return data, err
}
