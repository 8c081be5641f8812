package target

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	types "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// roles reads the roles that integrations and authorizers name, with every
// policy that decides what they may.
func (r *reader) roles(ctx context.Context) error {
	names := slices.Compact(slices.Sorted(slices.Values(r.wanted.Roles)))
	roles := make([]*Role, 0, len(names))
	for _, arn := range names {
		parts := strings.SplitN(arn, ":", 6)
		if len(parts) < 6 || !strings.HasPrefix(parts[5], "role/") {
			continue // no role: the verdict says so from the ARN alone
		}
		role := &Role{ARN: arn, Name: parts[5][strings.LastIndexByte(parts[5], '/')+1:]}
		roles = append(roles, role)
		if parts[4] != r.dump.Account {
			role.Unread = fmt.Sprintf("it belongs to account %s, and this is %s", parts[4], r.dump.Account)
		}
	}
	r.dump.Roles = roles
	each(ctx, r, roles, func(ctx context.Context, role *Role) {
		if role.Unread == "" {
			r.role(ctx, role)
		}
	})
	return nil
}

func (r *reader) role(ctx context.Context, role *Role) {
	out, err := call(ctx, r, r.clients.Roles.GetRole, &iam.GetRoleInput{RoleName: &role.Name})
	switch {
	case err != nil && missing(err):
		role.Missing = true
		return
	case err != nil:
		role.Unread = r.unread("role "+role.ARN, "GetRole", err)
		return
	case value(out.Role.Arn) != role.ARN: // the same name with another path
		role.Missing = true
		return
	}
	role.ID, role.Trust = value(out.Role.RoleId), document(out.Role.AssumeRolePolicyDocument)
	if out.Role.CreateDate != nil {
		role.Created = *out.Role.CreateDate
	}
	for _, step := range []func(context.Context, *Role) error{r.inline, r.attached} {
		if err := step(ctx, role); err != nil {
			role.Unread = r.unread("policies of role "+role.ARN, "reading them", err)
			return
		}
	}
	if b := out.Role.PermissionsBoundary; b != nil {
		role.Boundary = value(b.PermissionsBoundaryArn)
		if role.BoundaryDocument, err = r.managed(ctx, role.Boundary); err != nil {
			role.Unread = r.unread("boundary of role "+role.ARN, "reading it", err)
		}
	}
}

// document undoes the percent-encoding in which IAM answers documents.
func document(encoded *string) string {
	if plain, err := url.PathUnescape(value(encoded)); err == nil {
		return plain
	}
	return value(encoded)
}

func (r *reader) inline(ctx context.Context, role *Role) error {
	return pages(func(marker *string) (*string, error) {
		out, err := call(ctx, r, r.clients.Roles.ListRolePolicies, &iam.ListRolePoliciesInput{RoleName: &role.Name, Marker: marker})
		if err != nil {
			return nil, err
		}
		for _, name := range out.PolicyNames {
			policy, err := call(ctx, r, r.clients.Roles.GetRolePolicy, &iam.GetRolePolicyInput{RoleName: &role.Name, PolicyName: &name})
			if err != nil {
				return nil, err
			}
			if role.Inline == nil {
				role.Inline = map[string]string{}
			}
			role.Inline[name] = document(policy.PolicyDocument)
		}
		return out.Marker, nil
	})
}

func (r *reader) attached(ctx context.Context, role *Role) error {
	return pages(func(marker *string) (*string, error) {
		out, err := call(ctx, r, r.clients.Roles.ListAttachedRolePolicies, &iam.ListAttachedRolePoliciesInput{RoleName: &role.Name, Marker: marker})
		if err != nil {
			return nil, err
		}
		for _, policy := range out.AttachedPolicies {
			text, err := r.managed(ctx, value(policy.PolicyArn))
			if err != nil {
				return nil, err
			}
			if role.Attached == nil {
				role.Attached = map[string]string{}
			}
			role.Attached[value(policy.PolicyArn)] = text
		}
		return out.Marker, nil
	})
}

// managed reads the default version of a managed policy.
func (r *reader) managed(ctx context.Context, arn string) (string, error) {
	policy, err := call(ctx, r, r.clients.Roles.GetPolicy, &iam.GetPolicyInput{PolicyArn: &arn})
	if err != nil {
		return "", err
	}
	if policy.Policy == nil {
		policy.Policy = &types.Policy{}
	}
	version, err := call(ctx, r, r.clients.Roles.GetPolicyVersion, &iam.GetPolicyVersionInput{PolicyArn: &arn, VersionId: policy.Policy.DefaultVersionId})
	if err != nil {
		return "", err
	}
	return document(version.PolicyVersion.Document), nil
}
