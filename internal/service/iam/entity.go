package iam

import (
	"context"
	"slices"
	"strings"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// kind is what the operations on roles, users and groups need to know to be
// written once: policies, tags and boundaries work alike for all three.
type kind[T any] struct {
	name     string // "role", as error texts spell it
	prefix   state.Key
	key      func(account, lowerName string) state.Key
	identity func(*T) *state.Identity
}

func roles() kind[state.Role] {
	return kind[state.Role]{"role", state.Roles, state.RoleKey, func(r *state.Role) *state.Identity { return &r.Identity }}
}

func users() kind[state.User] {
	return kind[state.User]{"user", state.Users, state.UserKey, func(u *state.User) *state.Identity { return &u.Identity }}
}

func groups() kind[state.Group] {
	return kind[state.Group]{"group", state.Groups, state.GroupKey, func(g *state.Group) *state.Identity { return &g.Identity }}
}

// missing is AWS's text for an entity that is not there (recording
// test_create_service_specific_credential_invalid_user).
func (k kind[T]) missing(name string) string {
	return "The " + k.name + " with name " + name + " cannot be found."
}

// taken is AWS's text for a name in use: "Role with name x already exists."
func (k kind[T]) taken(name string) string {
	return strings.ToUpper(k.name[:1]) + k.name[1:] + " with name " + name + " already exists."
}

func (k kind[T]) keyOf(ctx context.Context, name string) state.Key {
	return k.key(account(ctx), strings.ToLower(name))
}

// get reads an entity of the caller's account; it is shared and read-only.
func get[T any](ctx context.Context, s *Service, k kind[T], name string) (*T, error) {
	record, _, err := store.Get[T](s.store, k.keyOf(ctx, name))
	return record, absent(err, k.missing(name))
}

// update changes an entity of the caller's account.
func update[T any](ctx context.Context, s *Service, k kind[T], name string, change func(*T) error) (*T, error) {
	record, err := store.Update(ctx, s.store, k.keyOf(ctx, name), change)
	return record, absent(err, k.missing(name))
}

// updateIdentity is update for what all three kinds have in common.
func updateIdentity[T any](ctx context.Context, s *Service, k kind[T], name string, change func(*state.Identity) error) error {
	_, err := update(ctx, s, k, name, func(record *T) error { return change(k.identity(record)) })
	return err
}

// list returns the entities of the caller's account under a path prefix, by
// name.
func list[T any](ctx context.Context, s *Service, k kind[T], pathPrefix *string) []*T {
	prefix := value(pathPrefix)
	var result []*T
	for _, item := range store.List[T](s.store, k.prefix.Child(account(ctx))) {
		if strings.HasPrefix(k.identity(item.Record).Path, prefix) {
			result = append(result, item.Record)
		}
	}
	sortByName(result, func(record *T) string { return k.identity(record).Name })
	return result
}

// sortByName orders a list as paginate needs it: the store's order is that of
// escaped keys.
func sortByName[T any](list []T, name func(T) string) {
	slices.SortFunc(list, func(a, b T) int { return strings.Compare(strings.ToLower(name(a)), strings.ToLower(name(b))) })
}

// newIdentity fills in what a new entity has.
func (s *Service) newIdentity(ctx context.Context, kindName, idPrefix, name string, path *string) (state.Identity, error) {
	id, err := s.newID(idPrefix)
	if err != nil {
		return state.Identity{}, err
	}
	p := value(path)
	if p == "" {
		p = "/"
	}
	acct := account(ctx)
	return state.Identity{
		Account: acct, Path: p, Name: name, ID: id, ARN: arn(acct, kindName, p, name), CreateDate: s.date(),
	}, nil
}
