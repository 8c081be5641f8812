// Package state holds the records that make up everything stagedoor remembers,
// the keys under which they live and nothing else.
//
// A record is an aggregate: what one AWS call changes lies in one record, so
// that nearly every call is one compare-and-set on one key (a REST API with its
// resources, methods and integrations is one record; a function with its
// aliases and policies is one record). Records are plain data with JSON tags;
// packages store (which writes them), service/* (which change them) and the
// data plane (which compiles them) share them. Fields are only ever added: a
// record written by an older stagedoor must stay readable.
//
// Package state imports nothing but the standard library.
package state
