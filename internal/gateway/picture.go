package gateway

import (
	"maps"
	"sync"
	"sync/atomic"

	"github.com/stagedoor/stagedoor/internal/state"
)

// picture is everything that is deployed, at one moment. It never changes.
type picture struct {
	apis map[string]map[string]*deployed // API id → stage name
}

func (p *picture) find(api, stage string) *deployed {
	return p.apis[api][stage]
}

// deployed is a stage and what it serves: the release for everybody, and beside
// it, where the stage has one, its canary. The plan is compiled by the first
// request, so that a thousand stages at rest cost no more than their records.
type deployed struct {
	gateway    *Gateway
	stage      *state.Stage
	deployment *state.Deployment
	variables  map[string]string // the stage's, in a canary with its overrides
	account    *account
	compiled   atomic.Pointer[stagePlan]

	release release
	canary  *deployed // of a production release
	share   uint64    // how much of shareWhole the canary takes
}

func (d *deployed) plan() *stagePlan {
	if p := d.compiled.Load(); p != nil {
		return p
	}
	// Two first requests may compile at once; the plans are equal and one wins.
	d.compiled.CompareAndSwap(nil, compileStage(d))
	return d.compiled.Load()
}

// account is what the data plane must know of an account in a region.
type account struct {
	logs atomic.Bool // it has a CloudWatch role: without one AWS writes no log
}

// compiler follows the store and publishes pictures. Its methods run in the
// store's one goroutine that applies changes; mu covers only the first load,
// which runs beside it.
type compiler struct {
	gateway *Gateway
	mu      sync.Mutex
	loading bool

	stages      map[state.Key]*state.Stage
	deployments map[state.Key]*state.Deployment
	accounts    map[state.Key]*account
	waiting     map[state.Key]struct{} // stages that name a deployment that is not there
}

func (c *compiler) init(g *Gateway) {
	c.gateway = g
	c.stages = make(map[state.Key]*state.Stage)
	c.deployments = make(map[state.Key]*state.Deployment)
	c.accounts = make(map[state.Key]*account)
	c.waiting = make(map[state.Key]struct{})
	g.picture.Store(&picture{})
}

// load runs follow, which reports what exists, and publishes once afterwards.
func (c *compiler) load(follow func()) {
	c.mu.Lock()
	c.loading = true
	c.mu.Unlock()
	follow()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.loading = false
	apis := make(map[string]map[string]*deployed)
	for key, st := range c.stages {
		if d := c.deploy(key, st); d != nil {
			if apis[st.API] == nil {
				apis[st.API] = make(map[string]*deployed)
			}
			apis[st.API][st.Name] = d
		}
	}
	c.gateway.picture.Store(&picture{apis: apis})
}

func (c *compiler) onAccount(key state.Key, _, rec *state.APIGatewayAccount, _ uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.accountOf(key).logs.Store(rec != nil && rec.CloudWatchRoleARN != "")
}

func (c *compiler) accountOf(key state.Key) *account {
	a := c.accounts[key]
	if a == nil {
		a = new(account)
		c.accounts[key] = a
	}
	return a
}

func (c *compiler) onDeployment(key state.Key, old, rec *state.Deployment, _ uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rec == nil {
		delete(c.deployments, key)
	} else {
		c.deployments[key] = rec
	}
	if c.loading {
		return
	}
	d := rec
	if d == nil {
		d = old
	}
	if d == nil {
		return
	}
	for name := range c.gateway.picture.Load().apis[d.API] {
		c.refresh(state.StageKey(d.Account, d.Region, d.API, name))
	}
	for key := range c.waiting {
		c.refresh(key)
	}
}

func (c *compiler) onStage(key state.Key, old, rec *state.Stage, _ uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if rec == nil {
		delete(c.stages, key)
		delete(c.waiting, key)
	} else {
		c.stages[key] = rec
	}
	if c.loading {
		return
	}
	if rec == nil && old != nil {
		c.publish(old.API, old.Name, nil)
		return
	}
	c.refresh(key)
}

func (c *compiler) refresh(key state.Key) {
	if st := c.stages[key]; st != nil {
		c.publish(st.API, st.Name, c.deploy(key, st))
	}
}

// deploy is nil for a stage whose deployment is not there; it then waits.
func (c *compiler) deploy(key state.Key, st *state.Stage) *deployed {
	dep := c.deployments[state.DeploymentKey(st.Account, st.Region, st.API, st.DeploymentID)]
	if dep == nil {
		c.waiting[key] = struct{}{}
		return nil
	}
	delete(c.waiting, key)
	d := &deployed{
		gateway: c.gateway, stage: st, deployment: dep, variables: st.Variables,
		account: c.accountOf(state.APIGatewayAccountKey(st.Account, st.Region)),
	}
	if st.Canary != nil {
		c.addCanary(key, d)
	}
	return d
}

// publish swaps in a picture in which one stage is d, or gone.
func (c *compiler) publish(api, stage string, d *deployed) {
	apis := maps.Clone(c.gateway.picture.Load().apis)
	if apis == nil {
		apis = make(map[string]map[string]*deployed)
	}
	stages := maps.Clone(apis[api])
	if stages == nil {
		stages = make(map[string]*deployed)
	}
	if d == nil {
		delete(stages, stage)
	} else {
		stages[stage] = d
	}
	if len(stages) == 0 {
		delete(apis, api)
	} else {
		apis[api] = stages
	}
	c.gateway.picture.Store(&picture{apis: apis})
}
