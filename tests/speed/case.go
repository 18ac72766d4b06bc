// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"
)

// A bench is one kind of work.
type bench struct {
	name, title string
	// prepare makes the input of the contenders below a directory. done releases its resources.
	prepare func(dir string) (contenders []contender, done func(), err error)
}

// A contender is a program, or several in a row, that does the work or a part of it.
type contender struct {
	name    string
	durable string           // the durability of the result
	limit   string           // our time as a multiple of its time; empty: not a limit
	run     func(n int) cost // the nth time
}

// A cost is the resources that a contender used.
type cost struct {
	wall, cpu time.Duration
	peak      int64 // of resident memory, in bytes
	err       error
}

func (a cost) add(b cost) cost {
	return cost{a.wall + b.wall, a.cpu + b.cpu, max(a.peak, b.peak), firstError(a.err, b.err)}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Durability of results.
const (
	durable    = "durable"
	notDurable = "not durable"
	noFiles    = ""
)

// print runs the contenders in turn and prints the medians. The first contender is ours.
func (b bench) print(dir string, runs int) error {
	contenders, done, err := b.prepare(dir)
	if err != nil {
		return err
	}
	defer done()
	costs := make([][]cost, len(contenders))
	for n := range runs {
		for i, c := range contenders {
			syscall.Sync()
			took := c.run(n)
			if took.err != nil {
				return fmt.Errorf("%s: %w", c.name, took.err)
			}
			costs[i] = append(costs[i], took)
		}
	}
	fmt.Printf("\n%s (medians of %d, in turn)\n", b.title, runs)
	ours := median(costs[0])
	for i, c := range contenders {
		m := median(costs[i])
		ratio := ""
		if i > 0 {
			ratio = fmt.Sprintf("  %s: %.2f times", contenders[0].name, ours.wall.Seconds()/m.wall.Seconds())
		}
		if c.limit != "" {
			ratio += ", wanted " + c.limit
		}
		fmt.Printf("  %-34s %-12s %7.2f s  processors %6.2f s  memory %6.1f MB%s\n",
			c.name, c.durable, m.wall.Seconds(), m.cpu.Seconds(), float64(m.peak)/1e6, ratio)
	}
	return nil
}

// median returns the medians of each figure.
func median(costs []cost) cost {
	at := func(figure func(cost) int64) int64 {
		var all []int64
		for _, c := range costs {
			all = append(all, figure(c))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return cost{
		wall: time.Duration(at(func(c cost) int64 { return int64(c.wall) })),
		cpu:  time.Duration(at(func(c cost) int64 { return int64(c.cpu) })),
		peak: at(func(c cost) int64 { return c.peak }),
	}
}

// command runs a program to its end. Its output goes to the null device, at no cost.
func command(env []string, program string, args ...string) cost {
	cmd := exec.Command(program, args...)
	cmd.Env = append(os.Environ(), env...)
	said := &tail{}
	cmd.Stderr = said
	began := time.Now()
	err := cmd.Run()
	c := cost{wall: time.Since(began)}
	if err != nil {
		c.err = fmt.Errorf("%s: %w\n%s", program, err, said.text)
	}
	if state := cmd.ProcessState; state != nil {
		c.cpu = state.UserTime() + state.SystemTime()
		c.peak = state.SysUsage().(*syscall.Rusage).Maxrss << 10
	}
	return c
}

// shell runs a line of the shell with arguments.
func shell(line string, args ...string) cost {
	return command(nil, "sh", append([]string{"-ec", line, "-"}, args...)...)
}

// A tail keeps the end of the written data.
type tail struct{ text []byte }

func (t *tail) Write(p []byte) (int, error) {
	t.text = append(t.text, p...)
	t.text = t.text[max(0, len(t.text)-2000):]
	return len(p), nil
}
