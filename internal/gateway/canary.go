package gateway

import (
	"maps"

	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/state"
)

// release says which of the releases of a stage a request reaches.
type release uint8

const (
	onlyRelease       release = iota // the stage has no canary
	productionRelease                // the stage has a canary, and this is not it
	canaryRelease
)

// isCanaryRequest is $context.isCanaryRequest: "true" or "false", and nothing
// where no canary is enabled (APIGW-DG
// api-gateway-variables-for-access-logging).
func (r release) isCanaryRequest() string {
	switch r {
	case canaryRelease:
		return "true"
	case productionRelease:
		return "false"
	}
	return ""
}

// canaryGroup is the end of the log groups that only canary requests reach
// (APIGW-DG canary-release).
const canaryGroup = "/Canary"

// writers open the log of a release: a canary's lines go to the stage's group
// and to one of their own beside it, those of execution logs and of access logs
// alike (APIGW-DG canary-release).
func (r release) writers(g *Gateway, account, region, group string) []*logs.Writer {
	groups := []string{group}
	if r == canaryRelease {
		groups = append(groups, group+canaryGroup)
	}
	var all []*logs.Writer
	for _, name := range groups {
		all = append(all, g.logs.Writer(account, region, name, streamName(g.boot, name)))
	}
	return all
}

// shareWhole is all requests of a stage; percentTraffic is kept as a share of
// it, so that a request compares two integers.
const shareWhole = 1 << 53

// addCanary puts the canary of d's stage beside d. A canary whose deployment is
// not there takes no requests until it comes.
func (c *compiler) addCanary(key state.Key, d *deployed) {
	st := d.stage
	d.release = productionRelease
	dep := c.deployments[state.DeploymentKey(st.Account, st.Region, st.API, st.Canary.DeploymentID)]
	if dep == nil {
		c.waiting[key] = struct{}{}
		return
	}
	variables := maps.Clone(st.Variables)
	if variables == nil {
		variables = make(map[string]string, len(st.Canary.StageVariableOverrides))
	}
	maps.Copy(variables, st.Canary.StageVariableOverrides)
	d.canary = &deployed{
		gateway: d.gateway, stage: st, deployment: dep, variables: variables, account: d.account,
		release: canaryRelease,
	}
	d.share = uint64(min(max(st.Canary.PercentTraffic, 0), 100) / 100 * shareWhole)
}

// choose picks the release that answers a request, at random and for each
// request anew, whoever sends it (APIGW-DG canary-release).
func (d *deployed) choose(random func() uint64) *deployed {
	if d.canary != nil && random()%shareWhole < d.share {
		return d.canary
	}
	return d
}
