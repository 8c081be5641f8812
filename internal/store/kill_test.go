package store_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
	"github.com/stagedoor/stagedoor/internal/store/storetest"
	"go.uber.org/goleak"
)

// childDir names the data directory of the writing child, see killedWriter.
const childDir = "STAGEDOOR_TEST_WRITE_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		writeForever(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

const childWriters = 4

// writeForever writes to a store from several goroutines and prints each write
// once it is acknowledged: "key n". It ends by being killed.
func writeForever(dir string) {
	s, err := store.Open(context.Background(), store.Options{Dir: dir, Logger: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	j, err := s.Journal(context.Background(), store.JournalConfig{Name: "kill"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var mu sync.Mutex
	said := func(key string, n int) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Printf("%s %d\n", key, n) // one write(2) each: whole lines survive the kill
	}
	for w := range childWriters {
		go func() {
			for {
				name := fmt.Sprintf("k%d-%d", w, rand.IntN(20))
				if err := writeOnce(s, j, name, said); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
			}
		}()
	}
	select {}
}

// writeOnce counts the record called name up, or makes it, and notes that in the
// journal. Records grow to 20 KB, so that some are compressed.
func writeOnce(s *store.Store, j *store.Journal, name string, said func(string, int)) error {
	key := state.NewKey("kill", name)
	n := 1
	_, err := store.Update(context.Background(), s, key, func(rec *storetest.Note) error {
		rec.N++
		rec.Text = strings.Repeat("x", rec.N*531%20_000)
		n = rec.N
		return nil
	})
	if err != nil {
		if _, err = store.Create(context.Background(), s, key, &storetest.Note{N: 1}); err != nil {
			return err
		}
	}
	said(name, n)
	if n%10 == 0 {
		if _, err := j.Append(context.Background(), key, fmt.Append(nil, n)); err != nil {
			return err
		}
		said("journal "+name, n)
	}
	return nil
}

// A process that is killed with SIGKILL in the middle of its writes loses
// nothing that it acknowledged.
func TestKillLosesNothing(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]int{} // the highest count of each record
	journaled := map[string]bool{}
	total := 0
	for range 5 {
		total += killedWriter(t, dir, acknowledged, journaled)
		s, err := store.Open(t.Context(), store.Options{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		for name, n := range acknowledged {
			rec, _, err := store.Get[storetest.Note](s, state.NewKey("kill", name))
			if err != nil || rec.N < n || rec.N > n+1 { // one more may have been written and not said
				t.Fatalf("%s: count %d was acknowledged, there is %+v, %v", name, n, rec, err)
			}
			acknowledged[name] = rec.N // the next round may add one that is not said, too
		}
		j, err := s.Journal(t.Context(), store.JournalConfig{Name: "kill"})
		if err != nil {
			t.Fatal(err)
		}
		entries, err := j.Read(t.Context(), "", 0, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			delete(journaled, fmt.Sprintf("%s %s", e.Subject.Tokens()[1], e.Data))
		}
		if len(journaled) > 0 {
			t.Errorf("%d acknowledged journal entries are lost: %v", len(journaled), journaled)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d acknowledged writes", total)
	if total < 20 {
		t.Errorf("only %d writes: this proves nothing", total)
	}
}

// killedWriter runs a child that writes, kills it at a random moment, and notes
// what it acknowledged.
func killedWriter(t *testing.T, dir string, acknowledged map[string]int, journaled map[string]bool) (writes int) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), childDir+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	// From the first write on, so that a slow machine tests as much.
	lines := bufio.NewScanner(out)
	started := false
	for lines.Scan() {
		if !started {
			started = true
			kill := time.AfterFunc(time.Duration(rand.IntN(250))*time.Millisecond, func() { _ = child.Process.Kill() })
			defer kill.Stop()
		}
		var name string
		var n int
		if rest, ok := strings.CutPrefix(lines.Text(), "journal "); ok {
			journaled[rest] = true
			continue
		}
		if _, err := fmt.Sscan(lines.Text(), &name, &n); err != nil {
			t.Fatalf("line %q: %v", lines.Text(), err)
		}
		acknowledged[name] = n
		writes++
	}
	_ = child.Wait()
	return writes
}
