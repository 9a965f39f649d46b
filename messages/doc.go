// Package messages holds what actors say to each other: one .proto file per conversation, the generated code, and
// the conversions between messages and the values of the pure packages.
package messages
