package promote

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/apigateway"

	"github.com/stagedoor/stagedoor/internal/target"
)

// tagStore keeps the tags of one stage and takes its time for each call.
type tagStore struct {
	target.StageReleases
	mu   sync.Mutex
	tags map[string]string
}

func (s *tagStore) wait() { time.Sleep(rand.N(20 * time.Millisecond)) }

func (s *tagStore) GetTags(context.Context, *apigateway.GetTagsInput, ...func(*apigateway.Options)) (*apigateway.GetTagsOutput, error) {
	s.wait()
	defer s.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	return &apigateway.GetTagsOutput{Tags: maps.Clone(s.tags)}, nil
}

func (s *tagStore) TagResource(_ context.Context, in *apigateway.TagResourceInput, _ ...func(*apigateway.Options)) (*apigateway.TagResourceOutput, error) {
	s.wait()
	defer s.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.Copy(s.tags, in.Tags)
	return &apigateway.TagResourceOutput{}, nil
}

func (s *tagStore) UntagResource(_ context.Context, in *apigateway.UntagResourceInput, _ ...func(*apigateway.Options)) (*apigateway.UntagResourceOutput, error) {
	s.wait()
	defer s.wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range in.TagKeys {
		delete(s.tags, key)
	}
	return &apigateway.UntagResourceOutput{}, nil
}

func contender(s *tagStore, name, machine string, pid int, alive bool) *work {
	return &work{
		place: &target.Promoter{Stages: s}, calls: new(atomic.Int64), stageARN: "arn:aws:apigateway:us-east-1::/restapis/a/stages/prod",
		caller: Caller{Name: name, Machine: machine, PID: pid, Alive: func(int) bool { return alive }},
	}
}

// However many contend, and however their calls interleave, two never hold the
// lock together; who is refused hears by whom.
func TestLockExcludes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tagStore{tags: map[string]string{"team": "shop"}}
		var inside, won, refused atomic.Int32
		var running sync.WaitGroup
		for i := range 60 {
			running.Go(func() {
				time.Sleep(rand.N(2 * time.Second))
				w := contender(s, fmt.Sprintf("user%d@host", i), fmt.Sprint(i), i, true)
				l, err := w.acquire(context.Background(), "prod", false)
				var locked *LockedError
				switch {
				case errors.As(err, &locked):
					refused.Add(1)
					if locked.Holder == "" || locked.Stage != "prod" {
						t.Errorf("%+v", locked)
					}
					return
				case err != nil:
					t.Error(err)
					return
				}
				won.Add(1)
				if inside.Add(1) != 1 {
					t.Error("two hold the lock")
				}
				time.Sleep(rand.N(100 * time.Millisecond))
				inside.Add(-1)
				l.release(context.Background())
			})
		}
		running.Wait()
		if won.Load() == 0 || refused.Load() == 0 || len(s.tags) != 1 {
			t.Errorf("%d won, %d were refused, %v is left", won.Load(), refused.Load(), s.tags)
		}
	})
}

// A lock ends by itself, that of a dead process of the same machine at once,
// and --take-over ends any.
func TestLockEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s := &tagStore{tags: map[string]string{}}
		first, err := contender(s, "alice@a", "ma", 7, true).acquire(ctx, "prod", false)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name  string
			w     *work
			force bool
			wait  time.Duration
			wins  bool
		}{
			{name: "another machine", w: contender(s, "bob@b", "mb", 7, false)},
			{name: "another process of the same machine", w: contender(s, "bob@a", "ma", 8, true)},
			{name: "the same machine, the process is dead", w: contender(s, "bob@a", "ma", 8, false), wins: true},
			{name: "taken over", w: contender(s, "eve@c", "mc", 9, true), force: true, wins: true},
			{name: "just before it ends", w: contender(s, "fay@d", "md", 9, true), wait: lease},
			{name: "it has ended, and clocks differ a little", w: contender(s, "fay@d", "md", 9, true), wait: skew + time.Second, wins: true},
		} {
			time.Sleep(c.wait)
			_, err := c.w.acquire(ctx, "prod", c.force)
			if (err == nil) != c.wins {
				t.Errorf("%s: %v", c.name, err)
			}
		}
		if _, _, err := first.hold(ctx); !errors.Is(err, errLockLost) {
			t.Errorf("the first holder goes on: %v", err)
		}
	})
}

// A holder that works renews its lock; one that slept too long stops.
func TestLockIsRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx := context.Background()
		s := &tagStore{tags: map[string]string{}}
		l, err := contender(s, "alice@a", "ma", 7, true).acquire(ctx, "prod", false)
		if err != nil {
			t.Fatal(err)
		}
		other := contender(s, "bob@b", "mb", 1, true)
		for range 20 {
			time.Sleep(lease / 2)
			step, cancel, err := l.hold(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if deadline, ok := step.Deadline(); !ok || time.Until(deadline) > lease {
				t.Error("a step may outlast the lock")
			}
			cancel()
			if _, err := other.acquire(ctx, "prod", false); err == nil {
				t.Fatal("a lock that is renewed was taken")
			}
		}
		time.Sleep(lease)
		if _, _, err := l.hold(ctx); !errors.Is(err, errLockLost) {
			t.Errorf("%v", err)
		}
	})
}
