package iam

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/identity"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Options of a Service; the zero value is for production.
type Options struct {
	Now  func() time.Time // nil: time.Now
	Rand io.Reader        // source of ids and secrets; nil: crypto/rand
	// Callers knows the policies of principals, for the simulators. nil: they
	// find no principal.
	Callers Callers
}

// Service implements the operations of IAM.
type Service struct {
	store *store.Store
	now   func() time.Time
	rand  io.Reader

	callers Callers // nil: see Options

	writing sync.Mutex // held while an operation of Operations changes something
}

// New returns the service over the records in s.
func New(s *store.Store, o Options) *Service {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Rand == nil {
		o.Rand = rand.Reader
	}
	return &Service{store: s, now: o.Now, rand: o.Rand, callers: o.Callers}
}

func account(ctx context.Context) string {
	return awswire.CallerFrom(ctx).Account
}

// date is the present in the resolution that IAM prints.
func (s *Service) date() time.Time {
	return s.now().UTC().Truncate(time.Second)
}

func (s *Service) newID(prefix string) (string, error) {
	return identity.NewID(s.rand, prefix)
}

// arn names an entity of an account; path begins and ends with a slash.
func arn(account, kind, path, name string) string {
	return "arn:aws:iam::" + account + ":" + kind + path + name
}

func noSuchEntity(text string) error {
	return &types.NoSuchEntityException{Message: &text}
}

func alreadyExists(text string) error {
	return &types.EntityAlreadyExistsException{Message: &text}
}

func deleteConflict(text string) error {
	return &types.DeleteConflictException{Message: &text}
}

func limitExceeded(text string) error {
	return &types.LimitExceededException{Message: &text}
}

func invalidInput(text string) error {
	return &types.InvalidInputException{Message: &text}
}

func malformed(text string) error {
	return &types.MalformedPolicyDocumentException{Message: &text}
}

func unmodifiable(text string) error {
	return &types.UnmodifiableEntityException{Message: &text}
}

func validation(text string) error {
	return &awswire.Error{Code: "ValidationError", Message: text, Status: 400}
}

// absent words a missing record; other errors pass.
func absent(err error, text string) error {
	if errors.Is(err, store.ErrNotFound) {
		return noSuchEntity(text)
	}
	return err
}

func value(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}

func ptr[T any](v T) *T { return &v }

// orNil is the pointer to text, or nil for the empty one.
func orNil(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
