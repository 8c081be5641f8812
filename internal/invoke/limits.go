package invoke

import (
	"sync"
	"sync/atomic"
)

// limits counts what runs: per account and region what is not reserved, and per
// function with reserved concurrency what it runs itself
// (LDG:lambda-concurrency).
type limits struct {
	account int // concurrency of an account in a region

	mu       sync.RWMutex
	regions  map[regionKey]*region
	reserved map[functionKey]*atomic.Int64 // running, of functions with a reservation
}

type (
	regionKey   struct{ account, region string }
	functionKey struct{ account, region, name string }
)

type region struct {
	running  atomic.Int64 // unreserved
	reserved atomic.Int64 // sum of all reservations
}

func newLimits(account int) *limits {
	return &limits{account: account, regions: map[regionKey]*region{}, reserved: map[functionKey]*atomic.Int64{}}
}

func (l *limits) region(k regionKey) *region {
	l.mu.RLock()
	r := l.regions[k]
	l.mu.RUnlock()
	if r != nil {
		return r
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r = l.regions[k]; r == nil {
		r = &region{}
		l.regions[k] = r
	}
	return r
}

func (l *limits) function(k functionKey) *atomic.Int64 {
	l.mu.RLock()
	n := l.reserved[k]
	l.mu.RUnlock()
	if n != nil {
		return n
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if n = l.reserved[k]; n == nil {
		n = &atomic.Int64{}
		l.reserved[k] = n
	}
	return n
}

// reserve follows a function's reservation; -1 is none.
func (l *limits) reserve(k regionKey, old, now int) {
	if delta := max(0, now) - max(0, old); delta != 0 {
		l.region(k).reserved.Add(int64(delta))
	}
}

// acquire counts one running call in, or refuses it. The counter is given back
// with Add(-1).
func (l *limits) acquire(r *Request, reserved int) (*atomic.Int64, error) {
	if reserved >= 0 {
		n := l.function(functionKey{r.Account, r.Region, r.Function})
		if n.Add(1) > int64(reserved) {
			n.Add(-1)
			return nil, &ThrottledError{Reason: "ReservedFunctionConcurrentInvocationLimitExceeded"}
		}
		return n, nil
	}
	reg := l.region(regionKey{r.Account, r.Region})
	if reg.running.Add(1) > int64(l.account)-reg.reserved.Load() {
		reg.running.Add(-1)
		return nil, &ThrottledError{Reason: "ConcurrentInvocationLimitExceeded"}
	}
	return &reg.running, nil
}
