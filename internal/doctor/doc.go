// Package doctor says beforehand which methods of which stages will fail, and
// why, from a target.Dump of the place.
//
// Examine builds the matrix API × stage × method (and authorizer): it resolves
// stage variables, canaries, aliases and roles, and lets package grants decide
// each call as the data plane would. Everything that will fail, and everything
// that is about to, becomes a Finding with a stable code (Codes), the evidence
// and commands that mend it. Where the dump does not tell enough, the verdict is
// Undecided with the reason, never a guess.
//
// Plan puts the commands of many findings together into the smallest set that
// fits into the function policies; Apply carries it out. The formats that
// machines read are written here, the text for people by package why.
//
// Called by cli. It must never import the store, a service or the gateway.
//
// Concurrency: Examine reads the dump and changes nothing. A Report is not
// changed once it is returned.
package doctor
