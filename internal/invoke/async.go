package invoke

import (
	"context"
	"errors"
	"slices"
	"time"
)

// event is one asynchronous invocation on its way.
type event struct {
	r        *Request
	accepted time.Time
	failures int // runs that ended in a function error
	refusals int // throttles and host errors since the last run
}

// Rules of asynchronous invocation (LDG:invocation-async-error-handling).
const (
	maxEventAge    = 6 * time.Hour
	firstBackoff   = time.Second // after a throttle or a system error; doubles
	longestBackoff = 5 * time.Minute
)

// InvokeAsync accepts one invocation (InvocationType Event) and returns; it runs
// in the background, and twice more when the function fails. Refusals are those
// of Invoke but for throttling, which only delays. Accepted events live in
// memory: they are lost when stagedoor ends.
func (b *Broker) InvokeAsync(_ context.Context, r *Request) error {
	if len(r.Payload) > MaxAsyncPayload {
		return &PayloadError{Size: len(r.Payload), Limit: MaxAsyncPayload}
	}
	if _, _, err := b.resolve(r); err != nil {
		return err
	}
	if b.closed.Load() {
		return ErrClosed
	}
	if b.accepted.Add(1) > int64(b.o.AsyncQueue) {
		b.accepted.Add(-1)
		return &ThrottledError{Reason: "CallerRateLimitExceeded"}
	}
	copied := *r
	copied.Payload = slices.Clone(r.Payload)
	copied.LogTail = false
	b.complete(&copied)
	b.queue <- &event{r: &copied, accepted: b.now()} // has room for AsyncQueue events
	return nil
}

// runEvents is one worker of the asynchronous queue.
func (b *Broker) runEvents() {
	for {
		select {
		case e := <-b.queue:
			if again, delay := b.runEvent(e); again {
				b.later(e, delay)
			} else {
				b.accepted.Add(-1)
			}
		case <-b.stop:
			return
		}
	}
}

// runEvent runs e once and says whether and when it has to run again.
func (b *Broker) runEvent(e *event) (again bool, delay time.Duration) {
	res, err := b.Invoke(context.Background(), e.r)
	age := b.now().Sub(e.accepted)
	switch {
	case err == nil && res.FunctionError == "":
		return false, 0
	case err == nil:
		e.refusals = 0
		if e.failures >= len(b.o.RetryDelays) {
			b.log.Warn("an asynchronous invocation failed for good", "function", e.r.Function, "requestId", e.r.RequestID, "errorType", res.ErrorType)
			return false, 0
		}
		delay = b.o.RetryDelays[e.failures]
		e.failures++
	case errors.Is(err, ErrClosed), errors.Is(err, ErrFunctionNotFound):
		return false, 0
	default:
		delay = min(longestBackoff, firstBackoff<<min(e.refusals, 20))
		e.refusals++
	}
	return age+delay < maxEventAge, delay
}

// later queues e again after delay.
func (b *Broker) later(e *event, delay time.Duration) {
	time.AfterFunc(delay, func() {
		select {
		case b.queue <- e: // e still counts in accepted, so there is room
		case <-b.stop:
		}
	})
}
