// SPDX-License-Identifier: Apache-2.0

package platform

import (
	"context"
	"errors"
	"strings"
	"time"
)

// settle is how long the other sources have once one has answered that it has no config. A metadata service says so at once;
// a drive may take longer to appear.
const settle = 5 * time.Second

// anyOf is the source "whichever of these has a config": it asks all of them at the same time, and the first that has a
// config wins. A source that has none, or fails, does not stop the others. If none has a config, the result is "no config"
// as soon as one source has said so; it is an error only if all have failed.
type anyOf struct{ sources []source }

func (a anyOf) places() []string {
	var list []string
	for _, s := range a.sources {
		list = append(list, s.places()...)
	}
	return list
}

func (a anyOf) find(ctx context.Context, env *Env) (Found, error) {
	return firstOf(ctx, env, a.sources)
}

// firstOf asks sources at the same time. It returns when all of them have ended, so that none leaves a mount behind.
func firstOf(ctx context.Context, env *Env, sources []source) (Found, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	type result struct {
		Found
		err error
	}
	results := make(chan result, len(sources))
	for _, s := range sources {
		go func() {
			found, err := s.find(ctx, env)
			results <- result{found, err}
		}()
	}
	var best *result
	var failures []error
	var enough <-chan time.Time
	for pending := len(sources); pending > 0; {
		select {
		case <-enough:
			cancel(errEnough)
		case r := <-results:
			pending--
			switch {
			case r.err == nil && len(r.Data) > 0:
				if best == nil || len(best.Data) == 0 {
					best = &r
				}
				cancel(errEnough)
			case r.err == nil && best == nil:
				best = &r
				enough = time.After(settle)
			case r.err != nil:
				failures = append(failures, r.err)
			}
		}
	}
	if best != nil {
		return best.Found, nil
	}
	return Found{Name: strings.Join(anyOf{sources}.places(), " or ")}, errors.Join(failures...)
}

// errEnough ends sources whose answer is no longer needed.
var errEnough = errors.New("stopped waiting: another place has answered")
