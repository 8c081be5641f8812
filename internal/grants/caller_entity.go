package grants

import (
	"strings"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// Entity finds an IAM entity of an account by its kind ("user", "role", "group",
// "instance-profile", "policy", or "key" for the user of an access key) and
// name: its ARN, with its path, and the ARN of its permissions boundary.
func (c *Callers) Entity(account, kind, name string) (arn, boundary string, ok bool) {
	lower := strings.ToLower(name)
	switch kind {
	case "user":
		if u, found := c.users.Get(state.UserKey(account, lower)); found {
			return u.ARN, u.PermissionsBoundary, true
		}
	case "group":
		if g, found := c.groups.Get(state.GroupKey(account, lower)); found {
			return g.ARN, "", true
		}
	case "role":
		if r, found := c.g.roles.Get(state.RoleKey(account, lower)); found {
			return r.rec.ARN, r.rec.PermissionsBoundary, true
		}
	case "instance-profile":
		if p, _, err := store.Get[state.InstanceProfile](c.g.store, state.InstanceProfileKey(account, lower)); err == nil {
			return p.ARN, "", true
		}
	case "key":
		if k, _, err := store.Get[state.AccessKey](c.g.store, state.AccessKeyKey(name)); err == nil && k.Account == account && !k.Deleted {
			return c.Entity(account, "user", k.UserName)
		}
	}
	return "", "", false
}
