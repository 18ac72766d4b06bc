// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto/sha512"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
)

// engineCases are the cases of the engine: its stages fetch and files, whose results are on the disk when they end.
func engineCases() []bench {
	return []bench{
		{"files", "10,000 inline files of 600 bytes, fetch and files stage", smallFiles},
		{"http", "1 GiB over HTTP with its sha512, fetch and files stage", func(dir string) ([]contender, func(), error) {
			return large(dir, "", []contender{
				{"openssl dgst -sha512", noFiles, "≤ 1.3 the slower", onFile(dir, `openssl dgst -sha512 "$1/large"`)},
				{"dd conv=fsync", durable, "≤ 1.3 the slower", onFile(dir, `dd if="$1/large" of="$1/dd.$2" bs=1M conv=fsync status=none`)},
			})
		}},
		{"gzip", "1 GiB over HTTP, compressed, with its sha512, fetch and files stage", func(dir string) ([]contender, func(), error) {
			return large(dir, "gzip", []contender{{"gzip -dc", noFiles, "≤ 1.15", onFile(dir, `gzip -dc "$1/large.gz"`)}})
		}},
	}
}

func onFile(dir, line string) func(int) cost {
	return func(n int) cost {
		c := shell(line, dir, fmt.Sprint(n))
		os.Remove(filepath.Join(dir, fmt.Sprintf("dd.%d", n))) // one large file: few inodes
		return c
	}
}

// engines returns our engine and, if there is one, the peer, as contenders with a config.
func engines(dir string, config string) ([]contender, error) {
	ours := contender{"firstlight", durable, "", func(n int) cost { return stages(dir, engine, fmt.Sprintf("ours.%d", n), config) }}
	all := []contender{ours}
	if peer := os.Getenv("FIRSTLIGHT_PEER"); peer != "" {
		inert := filepath.Join(dir, "bin")
		if err := inertLabels(inert); err != nil {
			return nil, err
		}
		os.Setenv("PATH", inert+":"+os.Getenv("PATH"))
		all = append(all,
			contender{"peer", notDurable, "", func(n int) cost { return stages(dir, peer, fmt.Sprintf("peer.%d", n), config) }},
			contender{"peer, sync -f", durable, "", func(n int) cost {
				root := fmt.Sprintf("synced.%d", n)
				return stages(dir, peer, root, config).add(shell(`sync -f "$1"`, filepath.Join(dir, root)))
			}})
	}
	return all, nil
}

// inertLabels makes a program setfiles that does nothing. Engines of some distributions require SELinux labels, which are
// not part of the work.
func inertLabels(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "setfiles"), []byte("#!/bin/sh\ncat >/dev/null\n"), 0o755)
}

// stages runs the stages fetch and files on a new root.
func stages(dir, program, name, config string) cost {
	root, run := filepath.Join(dir, name), filepath.Join(dir, name+".run")
	cmdline := filepath.Join(run, "cmdline")
	files := map[string]string{cmdline: "quiet", filepath.Join(root, "etc/hostname"): "bench\n"}
	if program != engine {
		files[filepath.Join(root, "etc/selinux/config")] = "SELINUX=disabled\nSELINUXTYPE=none\n"
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			return cost{err: err}
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			return cost{err: err}
		}
	}
	env := []string{"IGNITION_CONFIG_FILE=" + config, "IGNITION_KERNEL_CMDLINE_PATH=" + cmdline}
	var sum cost
	for _, stage := range []string{"fetch", "files"} {
		sum = sum.add(command(env, program, "-platform", "file", "-stage", stage, "-root", root, "-log-to-stdout",
			"-config-cache", filepath.Join(run, "ignition.json"), "-neednet", filepath.Join(run, "neednet"), "-state-file", filepath.Join(run, "state")))
	}
	if why, err := os.ReadFile(filepath.Join(run, "failure")); err == nil && sum.err != nil {
		sum.err = fmt.Errorf("%w%s", sum.err, why)
	}
	return sum
}

func writeConfig(dir, storage string) (string, error) {
	name := filepath.Join(dir, "config.ign")
	return name, os.WriteFile(name, []byte(`{"ignition":{"version":"3.3.0"},"storage":{`+storage+`}}`), 0o644)
}

// smallFiles compares with tar, which unpacks the same tree.
func smallFiles(dir string) ([]contender, func(), error) {
	var files []string
	payload := strings.Repeat("0123456789", 60)
	tree := filepath.Join(dir, "tree")
	for i := range 10000 {
		name := fmt.Sprintf("data/d%03d/f%06d", i%200, i)
		files = append(files, fmt.Sprintf(`{"path":"/%s","mode":416,"contents":{"source":"data:,%s"}}`, name, payload))
		if err := os.MkdirAll(filepath.Join(tree, filepath.Dir(name)), 0o755); err != nil {
			return nil, nil, err
		}
		if err := os.WriteFile(filepath.Join(tree, name), []byte(payload), 0o640); err != nil {
			return nil, nil, err
		}
	}
	config, err := writeConfig(dir, `"files":[`+strings.Join(files, ",")+`]`)
	if err != nil {
		return nil, nil, err
	}
	archive := filepath.Join(dir, "tree.tar")
	if c := shell(`tar -C "$1" -cf "$2" data`, tree, archive); c.err != nil {
		return nil, nil, c.err
	}
	unpack := func(n int) cost {
		return shell(`mkdir "$1" && tar -C "$1" -xf "$2" && sync -f "$1"`, filepath.Join(dir, fmt.Sprintf("tar.%d", n)), archive)
	}
	all, err := engines(dir, config)
	return append(all, contender{"tar -x, sync -f", durable, "≤ 1.5", unpack}), nothing, err
}

const gibibyte = 1 << 30

// large serves 1 GiB that is neither all zeros nor noise.
func large(dir, compression string, limits []contender) ([]contender, func(), error) {
	digest, err := makeLarge(filepath.Join(dir, "large"))
	if err != nil {
		return nil, nil, err
	}
	name := "large"
	if compression != "" {
		name = "large.gz"
		if c := shell(`gzip -6 -k "$1/large"`, dir); c.err != nil {
			return nil, nil, c.err
		}
	}
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	config, err := writeConfig(dir, fmt.Sprintf(`"files":[{"path":"/image","contents":{"source":"%s/%s","compression":"%s","verification":{"hash":"sha512-%s"}}}]`,
		server.URL, name, compression, digest))
	if err != nil {
		return nil, nil, err
	}
	all, err := engines(dir, config)
	all = append(all, limits...)
	for i, c := range all { // 1 GiB each: removed at once
		all[i].run = func(n int) cost {
			took := c.run(n)
			for _, old := range []string{"ours", "peer", "synced"} {
				os.Remove(filepath.Join(dir, fmt.Sprintf("%s.%d", old, n), "image"))
			}
			return took
		}
	}
	return all, server.Close, err
}

// makeLarge writes hex digits and text, and returns the sha512.
func makeLarge(name string) (string, error) {
	f, err := os.Create(name)
	if err != nil {
		return "", err
	}
	digest := sha512.New()
	out := io.MultiWriter(f, digest)
	random := rand.New(rand.NewPCG(1, 2))
	block := bytes.Repeat([]byte("01234567 payload"), 1<<16)
	for written := 0; written < gibibyte && err == nil; written += len(block) {
		for at := 0; at < len(block); at += 16 {
			var word [4]byte
			binary.BigEndian.PutUint32(word[:], random.Uint32())
			hex.Encode(block[at:], word[:])
		}
		_, err = out.Write(block)
	}
	return hex.EncodeToString(digest.Sum(nil)), firstError(err, f.Close())
}
