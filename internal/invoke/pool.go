package invoke

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagedoor/stagedoor/internal/sandbox"
)

// pool holds the environments of one function version.
type pool struct {
	b       *Broker
	key     poolKey
	running *atomic.Int64 // calls of the function, all versions together

	mu      sync.Mutex
	current *version     // what new environments run
	idle    []*slot      // newest last: that one is taken first, so few stay warm
	waiters []chan *slot // calls that wait for an environment or for leave to start one, oldest first
}

type poolKey struct{ account, region, function, version string }

// slot is an environment in a pool.
type slot struct {
	env       sandbox.Environment
	signature string
	since     time.Time // idle since
}

func (s *slot) dead() bool {
	select {
	case <-s.env.Done():
		return true
	default:
		return false
	}
}

// take returns a warm environment, or starts one. A burst of first calls does
// not start an environment each at the same instant: only so many starts run at
// once, and an environment that becomes free meanwhile serves the oldest
// waiting call.
func (p *pool) take(ctx context.Context, v *version) (*slot, error) {
	p.mu.Lock()
	p.setCurrent(v)
	for n := len(p.idle); n > 0; n = len(p.idle) {
		s := p.idle[n-1]
		p.idle[n-1] = nil
		p.idle = p.idle[:n-1]
		if s.signature == v.signature && !s.dead() {
			p.mu.Unlock()
			return s, nil
		}
		s.env.Close() // does not wait for the processes
	}
	wait := make(chan *slot, 1)
	p.waiters = append(p.waiters, wait)
	p.mu.Unlock()
	select {
	case s := <-wait:
		return s, nil
	case p.b.starting <- struct{}{}:
	case <-ctx.Done():
		if s := p.leave(wait); s != nil {
			p.give(s)
		}
		return nil, ctx.Err()
	}
	if s := p.leave(wait); s != nil { // both at once
		<-p.b.starting
		return s, nil
	}
	return p.start(ctx, v)
}

// startHold is the longest time that one start keeps others waiting.
const startHold = time.Second

// start starts an environment; a place in b.starting is held until its init
// phase is over, but not for as long as a function may take for it.
func (p *pool) start(ctx context.Context, v *version) (*slot, error) {
	env, err := p.b.driver.Start(context.WithoutCancel(ctx), v.fn)
	if err != nil {
		<-p.b.starting
		return nil, err
	}
	p.b.wg.Go(func() {
		hold := time.NewTimer(startHold)
		defer hold.Stop()
		select {
		case <-env.Initialized():
		case <-env.Done():
		case <-hold.C:
		}
		<-p.b.starting
	})
	return &slot{env: env, signature: v.signature}, nil
}

// leave takes wait off the waiters and returns the environment that it had
// already been given.
func (p *pool) leave(wait chan *slot) *slot {
	p.mu.Lock()
	defer p.mu.Unlock()
	if i := slices.Index(p.waiters, wait); i >= 0 {
		p.waiters = slices.Delete(p.waiters, i, i+1)
	}
	select {
	case s := <-wait:
		return s
	default:
		return nil
	}
}

// give puts an environment back after an invocation.
func (p *pool) give(s *slot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.b.closed.Load() || s.dead() || p.current != nil && s.signature != p.current.signature {
		s.env.Close()
		return
	}
	if len(p.waiters) > 0 {
		p.waiters[0] <- s
		p.waiters = slices.Delete(p.waiters, 0, 1)
		return
	}
	s.since = p.b.now()
	p.idle = append(p.idle, s)
}

// setCurrent makes v what the pool runs. p.mu is held. Requests that resolved
// just before a change may still come with the old version: it does not matter
// which one wins, the next request corrects it.
func (p *pool) setCurrent(v *version) {
	if p.current == v {
		return
	}
	changed := p.current != nil && p.current.signature != v.signature
	p.current = v
	if changed {
		p.retireLocked(func(s *slot) bool { return s.signature != v.signature })
	}
}

// retire closes the idle environments that which picks.
func (p *pool) retire(which func(*slot) bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.retireLocked(which)
}

func (p *pool) retireLocked(which func(*slot) bool) {
	p.idle = slices.DeleteFunc(p.idle, func(s *slot) bool {
		if !s.dead() && !which(s) {
			return false
		}
		s.env.Close()
		return true
	})
}
