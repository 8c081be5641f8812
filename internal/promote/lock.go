package promote

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"
)

// One promotion at a time changes a stage. Tags have no compare-and-set, so the
// lock is one tag for each contender, under a key of its own: writes to
// different keys do not overwrite each other. A contender writes its key, then
// reads all of them. Of two contenders at least the one that wrote last reads
// both keys; who sees another live key takes its own away and tries again after
// a random while. So it may be that neither gets the lock, never that both do.
//
// A lock is a lease: it ends by itself, and its holder renews it between steps.
// Each call of the holder ends before the lease does, so that a holder who was
// asleep cannot go on beside its successor. The lock of a dead process of the
// same machine is not waited for.
//
// unverified: that GetTags of API Gateway shows a tag as soon as TagResource has
// answered. Steps that compare before they change, and RevisionId on functions,
// stand behind the lock.
const (
	lease       = 5 * time.Minute
	renewAfter  = time.Minute
	checkAfter  = 10 * time.Second
	leaseMargin = 20 * time.Second
	// skew is how far the clocks of two machines may be apart.
	skew = 30 * time.Second
	// lockTries bounds how often two that saw each other try again.
	lockTries = 3
)

// holder is what a lock's tag says.
type holder struct {
	key     string
	name    string // user@host
	machine string
	pid     int
	until   time.Time
}

func (h *holder) String() string { return fmt.Sprintf("%s (process %d)", h.name, h.pid) }

func (c *Caller) lockWords(until time.Time) []word {
	return []word{{"who", c.Name}, {"pid", strconv.Itoa(c.PID)}, {"m", c.Machine}, {"until", seconds(until)}}
}

func readHolder(key string, tags map[string]string) (holder, bool) {
	w := unpack(key, tags)
	if w == nil {
		return holder{}, false
	}
	h := holder{key: key, name: w["who"], machine: w["m"], until: moment(w["until"])}
	h.pid, _ = strconv.Atoi(w["pid"]) // absent: 0, which is nobody
	return h, true
}

// locksIn parts the locks in tags into those that hold and those that do not
// any more.
func (c *Caller) locksIn(tags map[string]string, now time.Time, own string) (live []holder, dead []string) {
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		id, isLock := strings.CutPrefix(key, lockKey)
		if !isLock || strings.Contains(id, ":") || key == own {
			continue
		}
		h, ok := readHolder(key, tags)
		gone := c.Alive != nil && c.Machine != "" && h.machine == c.Machine && !c.Alive(h.pid)
		if !ok || gone || now.After(h.until.Add(skew)) {
			dead = append(dead, keysOf(key, tags)...)
			continue
		}
		live = append(live, h)
	}
	return live, dead
}

// refuseLocked says who promotes the stage right now: what could be planned
// from a state in between would be wrong.
func (p *Plan) refuseLocked(takeOver bool) error {
	live, _ := p.work.caller.locksIn(p.work.tags, time.Now(), "")
	if len(live) == 0 || takeOver {
		return nil
	}
	return &LockedError{Stage: p.Stage.Name, Holder: live[0].String(), Until: live[0].until}
}

// lock is a lock that is held.
type lock struct {
	w   *work
	key string

	mu      sync.Mutex
	until   time.Time
	checked time.Time // when the lock was last seen to be there
}

// acquire takes the lock of a stage.
func (w *work) acquire(ctx context.Context, stage string, takeOver bool) (*lock, error) {
	l := &lock{w: w, key: lockKey + newID(time.Now())}
	var last *LockedError
	for try := range lockTries {
		if try > 0 {
			if err := sleep(ctx, 50*time.Millisecond+rand.N(200*time.Millisecond)); err != nil {
				return nil, err
			}
		}
		held, err := l.contend(ctx, takeOver)
		if err != nil {
			return nil, err
		}
		if held == nil {
			return l, nil
		}
		last = &LockedError{Stage: stage, Holder: held.String(), Until: held.until}
	}
	return nil, last
}

// contend tries once; it returns who holds the lock, nil when l does.
func (l *lock) contend(ctx context.Context, takeOver bool) (held *holder, err error) {
	tags, err := l.w.stageTags(ctx)
	if err != nil {
		return nil, err
	}
	live, dead := l.w.caller.locksIn(tags, time.Now(), l.key)
	if takeOver {
		for i := range live {
			dead = append(dead, keysOf(live[i].key, tags)...)
		}
		live = nil
	}
	if len(live) > 0 {
		return &live[0], nil
	}
	if len(dead) > 0 {
		if err := l.w.untagStage(ctx, dead); err != nil {
			return nil, err
		}
	}
	if err := l.write(ctx); err != nil {
		return nil, err
	}
	if tags, err = l.w.stageTags(ctx); err == nil {
		if live, _ = l.w.caller.locksIn(tags, time.Now(), l.key); len(live) == 0 {
			return nil, nil
		}
	}
	l.release(ctx)
	if err != nil {
		return nil, err
	}
	return &live[0], nil
}

// write makes or renews the lock. The caller holds mu, or l is new.
func (l *lock) write(ctx context.Context) error {
	until := time.Now().Add(lease)
	if err := l.w.tagStage(ctx, pack(l.key, l.w.caller.lockWords(until))); err != nil {
		return err
	}
	l.until, l.checked = until, time.Now()
	return nil
}

// hold renews the lock when it is time, and returns a context that ends before
// the lock does: for one step.
func (l *lock) hold(ctx context.Context) (context.Context, context.CancelFunc, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := time.Until(l.until)
	switch {
	case left < leaseMargin:
		return nil, nil, errLockLost
	case time.Since(l.checked) > checkAfter || left < lease-renewAfter:
		tags, err := l.w.stageTags(ctx)
		if err != nil {
			return nil, nil, err
		}
		if _, ours := tags[l.key]; !ours {
			return nil, nil, errLockLost
		}
		l.checked = time.Now()
	}
	if left < lease-renewAfter {
		if err := l.write(ctx); err != nil {
			return nil, nil, err
		}
	}
	step, cancel := context.WithDeadlineCause(ctx, l.until.Add(-leaseMargin), errLockLost)
	return step, cancel, nil
}

// errLockLost ends a run whose lock was taken over or ran out.
var errLockLost = fmt.Errorf("the lock on the stage was lost: another process took it over, or this one was held up for longer than %s", lease)

// release gives the lock back, whatever became of ctx. When that fails, the
// lock ends by itself.
func (l *lock) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	_ = l.w.untagStage(ctx, []string{l.key, partKey(l.key, 2)})
}

func (w *work) stageTags(ctx context.Context) (map[string]string, error) {
	out, err := call(ctx, w.calls, w.place.Stages.GetTags, &apigateway.GetTagsInput{ResourceArn: &w.stageARN})
	if err != nil {
		return nil, fmt.Errorf("reading the tags of the stage: %w", err)
	}
	return out.Tags, nil
}

func (w *work) tagStage(ctx context.Context, tags map[string]string) error {
	err := unlessBusy(ctx, func() error {
		_, err := call(ctx, w.calls, w.place.Stages.TagResource, &apigateway.TagResourceInput{ResourceArn: &w.stageARN, Tags: tags})
		return err
	})
	if err != nil {
		return fmt.Errorf("writing to the tags of the stage: %w", err)
	}
	return nil
}

func (w *work) untagStage(ctx context.Context, keys []string) error {
	err := unlessBusy(ctx, func() error {
		_, err := call(ctx, w.calls, w.place.Stages.UntagResource, &apigateway.UntagResourceInput{ResourceArn: &w.stageARN, TagKeys: keys})
		return err
	})
	if err != nil {
		return fmt.Errorf("removing tags of the stage: %w", err)
	}
	return nil
}

// unlessBusy tries again when API Gateway is just changing the stage for
// somebody else: it answers ConflictException then, which the SDK takes for
// final.
func unlessBusy(ctx context.Context, f func() error) error {
	wait := 100 * time.Millisecond
	for try := 1; ; try++ {
		err := f()
		if code(err) != "ConflictException" || try == 5 {
			return err
		}
		if err := sleep(ctx, wait+rand.N(wait)); err != nil {
			return err
		}
		wait *= 2
	}
}

// idTime is how ids begin: 20260817-093000-123, to the millisecond.
const idTime = "20060102-150405.000"

// newID is a name that sorts by time.
func newID(now time.Time) string {
	const letters = "abcdefghijkmnpqrstuvwxyz"
	return strings.ReplaceAll(now.UTC().Format(idTime), ".", "-") + string(letters[rand.N(len(letters))]) + string(letters[rand.N(len(letters))])
}

// idAfter is a name that sorts behind last, though it was made on a machine
// whose clock is ahead.
func idAfter(last string, now time.Time) string {
	if id := newID(now); id > last {
		return id
	}
	const digits = len("20060102-150405-000")
	if len(last) >= digits {
		stamp := last[:len("20060102-150405")] + "." + last[digits-3:digits]
		if t, err := time.Parse(idTime, stamp); err == nil {
			return newID(t.Add(time.Millisecond))
		}
	}
	return newID(now)
}

// sleep waits, or ends with ctx.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
