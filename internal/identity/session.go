package identity

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// ErrNoRole: IssueRoleSession was asked for a role that does not exist.
var ErrNoRole = errors.New("role does not exist")

const (
	// tokenPrefix begins every session token that is issued here; AWS's own
	// begin alike ("FwoGZXIvYXdz" is the base64 of a fixed head).
	tokenPrefix = "FwoGZXIvYXdzSTD"
	// grace is how long expired sessions are kept: their users are told that
	// the token is expired, not that it never was.
	grace = time.Hour
	// pruneEvery and pruneMost bound the work that issuing a session does for
	// those before it.
	pruneEvery = time.Minute
	pruneMost  = 100
)

// Issue makes temporary credentials of what s says (account, principal, user
// id, role, policies, tags) for d, stores and returns them.
func (i *Identity) Issue(ctx context.Context, s state.Session, d time.Duration) (*state.Session, error) {
	id, err := NewAccessKeyID(i.o.Rand, "ASIA", s.Account)
	if err != nil {
		return nil, err
	}
	if s.Secret, err = NewSecret(i.o.Rand); err != nil {
		return nil, err
	}
	s.AccessKeyID = id
	s.Issued = i.o.Now().UTC().Truncate(time.Second)
	s.Expires = i.o.Now().Add(d).UTC().Truncate(time.Second)
	if s.Token, err = newToken(i.o.Rand, s.Expires); err != nil {
		return nil, err
	}
	if _, err := store.Create(ctx, i.store, state.SessionKey(id), &s); err != nil {
		return nil, fmt.Errorf("session of %s: %w", s.PrincipalARN, err)
	}
	i.prune(ctx)
	return &s, nil
}

// IssueRoleSession makes temporary credentials of a role, as functions run
// with. It does not ask whether anyone may assume the role: that is the
// caller's business. The error is ErrNoRole if there is no such role.
func (i *Identity) IssueRoleSession(ctx context.Context, roleARN, sessionName string, d time.Duration) (*state.Session, error) {
	role, ok := i.Role(roleARN)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrNoRole, roleARN)
	}
	return i.Issue(ctx, RoleSession(role, sessionName), d)
}

// RoleSession is the session of a role, before it is issued.
func RoleSession(role *state.Role, sessionName string) state.Session {
	return state.Session{
		Account:      role.Account,
		PrincipalARN: "arn:aws:sts::" + role.Account + ":assumed-role/" + role.Name + "/" + sessionName,
		UserID:       role.ID + ":" + sessionName,
		RoleARN:      role.ARN,
	}
}

// Role finds a role by its ARN, whose path must be the role's.
func (i *Identity) Role(arn string) (*state.Role, bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) != 6 || parts[2] != "iam" || !strings.HasPrefix(parts[5], "role/") {
		return nil, false
	}
	name := parts[5][strings.LastIndexByte(parts[5], '/')+1:]
	role, _, err := store.Get[state.Role](i.store, state.RoleKey(parts[4], strings.ToLower(name)))
	return role, err == nil && role.ARN == arn
}

// Session finds temporary credentials by their access key id. Sessions that
// are over are not found.
func (i *Identity) Session(accessKeyID string) (*state.Session, bool) {
	s, _, err := store.Get[state.Session](i.store, state.SessionKey(accessKeyID))
	return s, err == nil && i.o.Now().Before(s.Expires)
}

// prune deletes sessions that have been over for a while. It looks for them at
// most once in pruneEvery; what fails is tried again next time.
func (i *Identity) prune(ctx context.Context) {
	now := i.o.Now()
	i.mu.Lock()
	due := now.Sub(i.pruned) >= pruneEvery
	if due {
		i.pruned = now
	}
	i.mu.Unlock()
	if !due {
		return
	}
	deleted := 0
	for _, item := range store.List[state.Session](i.store, state.Sessions) {
		if now.Sub(item.Record.Expires) < grace {
			continue
		}
		if err := store.Delete(ctx, i.store, item.Key); err != nil && !errors.Is(err, store.ErrNotFound) {
			return
		}
		if deleted++; deleted == pruneMost {
			return
		}
	}
}

func newToken(random io.Reader, expires time.Time) (string, error) {
	raw := make([]byte, 8+64)
	binary.BigEndian.PutUint64(raw, uint64(expires.Unix()))
	if _, err := io.ReadFull(random, raw[8:]); err != nil {
		return "", err
	}
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(raw), nil
}

// tokenExpiry reads the expiry that every token carries; ours is false for
// tokens that were made elsewhere. It proves nothing: it only chooses between
// two refusals.
func tokenExpiry(token string) (expires time.Time, ours bool) {
	body, ok := strings.CutPrefix(token, tokenPrefix)
	if !ok {
		return time.Time{}, false
	}
	raw, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || len(raw) != 8+64 {
		return time.Time{}, false
	}
	return time.Unix(int64(binary.BigEndian.Uint64(raw)), 0), true
}
