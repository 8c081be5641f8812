package logs

import (
	"context"
	"strings"
)

// either is the group of a call that takes a name or an identifier.
func either(ctx context.Context, name, identifier *string) (place, error) {
	switch {
	case name != nil && identifier != nil:
		// AWS recording test_describe_log_streams_with_log_group_identifier
		return place{}, validation("LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	case name != nil:
		return at(ctx, name), checkName(name)
	case identifier != nil:
		return identified(ctx, *identifier)
	}
	// unverified: code and text.
	return place{}, validation("Either LogGroup name or LogGroup ARN must be specified.")
}

// identified is the group that a name or an ARN means. ARNs come with and
// without the ":*" that DescribeLogGroups ends them with.
func identified(ctx context.Context, id string) (place, error) {
	if !strings.HasPrefix(id, "arn:") {
		return at(ctx, &id), checkName(&id)
	}
	parts := strings.SplitN(id, ":", 7)
	if len(parts) != 7 || parts[2] != "logs" || parts[5] != "log-group" {
		// unverified: the text.
		return place{}, invalid("Invalid ARN: %s", id)
	}
	p := place{region: parts[3], account: parts[4], group: strings.TrimSuffix(parts[6], ":*")}
	// Log groups of other accounts would need a monitoring account, those of
	// other regions another endpoint: neither exists for this caller.
	if caller := at(ctx, nil); caller.account != p.account || caller.region != p.region {
		return place{}, groupNotFound()
	}
	return p, checkName(&p.group)
}
