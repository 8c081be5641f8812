package target

import (
	"errors"
	"syscall"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// How often a request is sent until its error is passed on. A throttled one gets
// through in the end: ten times, with up to maxBackoff in between, are about two
// minutes. Whatever else may pass (answers with 500, 502, 503 or 504, broken
// connections) has passed at once or stays: endpoints that lack an operation
// answer 500 as well.
const (
	throttledAttempts = 10
	otherAttempts     = 3
	maxBackoff        = 20 * time.Second
)

// patience is the retryer of a place. The SDK's standard one knows one number of
// attempts for all errors; the delay is where the second is enforced.
func patience(wait retry.BackoffDelayer) aws.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) {
		o.MaxAttempts, o.RateLimiter = throttledAttempts, ratelimit.None
		o.Retryables = append([]retry.IsErrorRetryable{
			retry.IsErrorRetryableFunc(notWhereNobodyListens), retry.IsErrorRetryableFunc(notBeyondQuota),
		}, o.Retryables...)
		throttles := retry.IsErrorThrottles(o.Throttles)
		o.Backoff = retry.BackoffDelayerFunc(func(attempt int, err error) (time.Duration, error) {
			if attempt >= otherAttempts && !throttles.IsErrorThrottle(err).Bool() {
				return 0, &retry.MaxAttemptsError{Attempt: attempt, Err: err}
			}
			return wait.BackoffDelay(attempt, err)
		})
	})
}

// notWhereNobodyListens gives up at once where no program has the port: waiting
// does not start one.
func notWhereNobodyListens(err error) aws.Ternary {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}

// notBeyondQuota gives up at once where a quota is used up ("Maximum number of …
// for this account has been reached"). The SDK takes the code for throttling,
// which API Gateway calls TooManyRequestsException.
func notBeyondQuota(err error) aws.Ternary {
	if errorCode(err) == "LimitExceededException" {
		return aws.FalseTernary
	}
	return aws.UnknownTernary
}
