// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

// The protocol between the kernel's driver and the program in user space that receives the key-value pairs (Linux
// include/uapi/linux/hyperv.h). A message is a header of operation and pool, then type and sizes of key and value, then
// arrays of a fixed size.
const (
	kvpMessage  = 4 + 12 + kvpKey + kvpValue + 4856
	kvpKey      = 512
	kvpValue    = 2048
	kvpSet      = 1
	kvpRegister = 100
	kvpFail     = 0x80004005
	kvpPools    = 5
	kvpSilence  = time.Second // ends the collection
	kvpLimit    = time.Minute // for all of it
	kvpDriver   = "sys/bus/vmbus/drivers/hv_utils"
	kvpName     = "ignition.config"
)

// A pair is one of Hyper-V's key-value pairs.
type pair struct{ key, value string }

// pools are the pairs by the pool they are in.
type pools [kvpPools][]pair

// hyperV collects the pairs that the host sends once per boot. The distribution's daemon, which usually writes them to
// files, will not get them again; so firstlight writes them to the target root in the daemon's format.
func hyperV(ctx context.Context, env *Env) (Found, error) {
	found := Found{Name: "key " + kvpName + " of Hyper-V's data exchange"}
	fail := func(err error) (Found, error) {
		return found, &Error{found.Name, err, "enable the integration service \"Data Exchange\" for this machine"}
	}
	if err := env.module(ctx, "hv_utils", kvpDriver); err != nil {
		return fail(fmt.Errorf("load the driver of the data exchange: %w", err))
	}
	var collected pools
	data, err := env.try(found.Name, func() ([]byte, error) {
		device, err := env.Channels.KVP()
		if err != nil {
			return nil, err
		}
		collected, err = collect(ctx, env, device)
		return []byte(collected.config()), errors.Join(err, device.Close())
	})
	if err != nil {
		return fail(err)
	}
	found.Data, found.Files = data, collected.files()
	return found, nil
}

// collect registers with the driver and takes pairs until the host has been silent for a second.
func collect(ctx context.Context, env *Env, device Exchange) (pools, error) {
	var all pools
	message := make([]byte, kvpMessage)
	message[0] = kvpRegister
	if err := device.Send(message); err != nil {
		return all, fmt.Errorf("register with the driver: %w", err)
	}
	for began := time.Now(); time.Since(began) < kvpLimit && ctx.Err() == nil; {
		n, err := device.Receive(message, kvpSilence)
		if err != nil {
			return all, fmt.Errorf("read a message: %w", err)
		}
		if n == 0 {
			return all, ctx.Err()
		}
		if n < kvpMessage {
			return all, fmt.Errorf("a message has %d bytes instead of %d", n, kvpMessage)
		}
		if message[0] == kvpRegister {
			continue
		}
		code := uint32(kvpFail)
		if message[0] == kvpSet {
			if err := all.add(message); err != nil {
				env.Log.Warn("skipping a key-value pair of the host: " + err.Error())
			} else {
				code = 0
			}
		}
		binary.NativeEndian.PutUint32(message, code)
		if err := device.Send(message); err != nil {
			return all, fmt.Errorf("answer a message: %w", err)
		}
	}
	return all, errors.Join(ctx.Err(), fmt.Errorf("the host has not stopped sending pairs within %s", kvpLimit))
}

// add adds the pair of a message. If a key comes several times, the first pair counts.
func (p *pools) add(message []byte) error {
	pool := int(message[1])
	keySize, valueSize := binary.NativeEndian.Uint32(message[8:]), binary.NativeEndian.Uint32(message[12:])
	switch {
	case pool >= kvpPools:
		return fmt.Errorf("pool %d does not exist", pool)
	case keySize == 0 || keySize > kvpKey || valueSize == 0 || valueSize > kvpValue:
		return fmt.Errorf("its sizes are %d and %d", keySize, valueSize)
	}
	key := string(message[16 : 16+keySize-1])
	for _, known := range p[pool] {
		if known.key == key {
			return nil
		}
	}
	p[pool] = append(p[pool], pair{key, string(message[16+kvpKey : 16+kvpKey+valueSize-1])})
	return nil
}

// config returns the config: the value of one key, or the values of the numbered keys joined in order.
func (p *pools) config() string {
	values := map[string]string{}
	for _, known := range p[0] {
		values[known.key] = known.value
	}
	if whole := values[kvpName]; whole != "" {
		return whole
	}
	var joined bytes.Buffer
	for i := 0; ; i++ {
		part, ok := values[fmt.Sprintf("%s.%d", kvpName, i)]
		if !ok {
			return joined.String()
		}
		joined.WriteString(part)
	}
}

// files returns the pools in the daemon's format: records of a fixed size, padded with NUL.
func (p *pools) files() []File {
	var files []File
	for i, pool := range p {
		text := make([]byte, 0, len(pool)*(kvpKey+kvpValue))
		for _, known := range pool {
			record := make([]byte, kvpKey+kvpValue)
			copy(record, known.key)
			copy(record[kvpKey:], known.value)
			text = append(text, record...)
		}
		files = append(files, File{fmt.Sprintf("/var/lib/hyperv/.kvp_pool_%d", i), text})
	}
	return files
}
