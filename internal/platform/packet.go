// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/firstlight-boot/firstlight/internal/metadata"
)

// packetService is the metadata service of Equinix Metal. It is not link-local: it has a host name and a certificate.
var packetService = metadata.Service{Hosts: []string{"metadata.packet.net"}, Secure: true, Headers: []string{"Accept", "*/*"}}

// packetPatience bounds the time a stage spends on reporting its result.
const packetPatience = 10 * time.Second

// packetStatus posts the result of a stage to the address that the machine's metadata names.
func packetStatus(ctx context.Context, env *Env, stage string, failed error) error {
	if env.Offline {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, packetPatience)
	defer cancel()
	data, err := env.Metadata.Get(ctx, packetService, "/metadata")
	if err != nil {
		return fmt.Errorf("read the machine's metadata: %w", err)
	}
	var machine struct {
		PhoneHome string `json:"phone_home_url"`
	}
	if err := json.Unmarshal(data, &machine); err != nil || machine.PhoneHome == "" {
		return errors.New("read the machine's metadata: it has no phone_home_url")
	}
	state, text := "running", "["+stage+"] the stage succeeded"
	if failed != nil {
		state, text = "failed", "["+stage+"] the stage failed: "+failed.Error()
	}
	body, err := json.Marshal(struct {
		State   string `json:"state"`
		Message string `json:"message"`
	}{state, text})
	if err != nil {
		return fmt.Errorf("encode the status: %w", err)
	}
	return post(ctx, strings.TrimSuffix(machine.PhoneHome, "/phone-home")+"/events", body)
}

// post sends a JSON document and ignores the answer.
func post(ctx context.Context, address string, body []byte) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return errors.New("post the status: the address is malformed")
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		var told *url.Error // repeats the address, which may hold a token
		if errors.As(err, &told) {
			err = told.Err
		}
		return fmt.Errorf("post the status: %w", err)
	}
	io.CopyN(io.Discard, resp.Body, 4096) // so that the server can finish its answer
	return resp.Body.Close()
}
