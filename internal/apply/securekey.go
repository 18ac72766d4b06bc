// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"fmt"
	"strings"

	"github.com/firstlight-boot/firstlight/internal/sys"
)

// formatSecure formats with a volume key that only the crypto card knows (zkey(1)).
func (v volume) formatSecure(ctx context.Context, args []string) error {
	name := "ignition-luks-" + v.name
	cards, err := v.m.Sys.CryptoCards()
	if err != nil {
		return err
	}
	generate := []string{"generate", "--name", name, "--key-type", "CCA-AESCIPHER", "--xts",
		"--description", "Secure Key for " + v.name + " Volume", "--apqns", strings.Join(cards, ",")}
	if _, err := v.m.Sys.Run(ctx, sys.Command{Name: "zkey", Args: generate}); err != nil {
		return err
	}
	repository := "/etc/zkey/repository/" + name
	key, err := v.m.Sys.ReadFile(repository + ".skey")
	if err != nil {
		return fmt.Errorf("read secure key: %w", err)
	}
	args = append(args, "--volume-key-file", repository+".skey", "--cipher", "paes-xts-plain64",
		"--key-size", fmt.Sprint(8*len(key)))
	if err := v.cryptsetup(ctx, args...); err != nil {
		return err
	}
	setvp := []string{"setvp", v.alias, "--key-file", sys.SecretFile}
	if _, err := v.m.Sys.Run(ctx, sys.Command{Name: "zkey-cryptsetup", Args: setvp, Secret: v.key}); err != nil {
		return err
	}
	info, err := v.m.Sys.ReadFile(repository + ".info")
	if err != nil {
		return fmt.Errorf("read secure key: %w", err)
	}
	v.m.Keep.KeepVolumeKeyFiles(map[string][]byte{repository + ".skey": key, repository + ".info": info})
	return nil
}
