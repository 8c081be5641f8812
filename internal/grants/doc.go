// Package grants decides who may call whom, and can say why.
//
// The data plane asks Decide before every call of a function: a pure, lock-free
// look at compiled policies that takes microseconds. A refusal is handed to
// Refuse, which returns at once; a goroutine of this package then builds the
// Decision (who asked, what, in which context, which policies were read, how
// each statement came out, which one nearly matched and in which segment it
// differs, the cause in one sentence, what changed since the call was last
// allowed, and the commands that mend it) and appends it to the journal that
// `stagedoor why` reads. Refused callers of the control plane also get the
// encoded message that sts:DecodeAuthorizationMessage opens. Explain builds the same picture
// without a journal entry, for the start-up matrix and for dry runs.
//
// Services ask RoleAssumable and RoleAllows where AWS checks a role before it
// accepts it.
//
// Called by gateway, service/lambda, service/apigateway and the root package.
// It must never import a service, the gateway or an SDK package; what it needs
// from them (documents of AWS-managed policies) comes in through Options.
//
// Concurrency: all methods may be called from any goroutine. Decide takes no
// lock. One goroutine per Grants writes the journal; Close ends it.
package grants
