package identity

import (
	"context"
	"time"

	"github.com/stagedoor/stagedoor/awswire/sigv4"
	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// useEvery is how fine the use of an access key is noted: GetAccessKeyLastUsed
// may be behind by this much, and a busy key costs one write in this time.
const useEvery = 15 * time.Minute

// noteTimeout keeps a store that does not answer from holding up the call.
const noteTimeout = time.Second

// note remembers that a key signed a call. Should the write fail, the call is
// none the worse for it, and the next one tries again. Calls of deployed APIs
// are not noted: the data plane writes nothing.
func (i *Identity) note(ctx context.Context, key *state.AccessKey, scope sigv4.Scope) {
	now := i.o.Now()
	if scope.Service == "execute-api" || key.LastUsed != nil && now.Sub(key.LastUsed.Time) < useEvery {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, noteTimeout)
	defer cancel()
	_, _ = store.Update(ctx, i.store, state.AccessKeyKey(key.ID), func(k *state.AccessKey) error {
		if k.Deleted {
			return nil
		}
		k.LastUsed = &state.KeyUse{Time: now.UTC().Truncate(time.Second), Region: scope.Region, Service: scope.Service}
		return nil
	})
}
