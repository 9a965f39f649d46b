package main

import "testing"

func TestServerIDInTheURI(t *testing.T) {
	cases := []struct {
		uri  string
		id   uint32
		want string
	}{
		{"mysql://u:p%40@h:1/", 0, "mysql://u:p%40@h:1/"},
		{"mysql://u:p%40@h:1/", 7, "mysql://u:p%40@h:1/?server-id=7"},
		{"mysql://h/?tls=true", 7, "mysql://h/?server-id=7&tls=true"},
		{"mysql://h/?server-id=9", 7, "mysql://h/?server-id=9"},
		{"mysql://h/%zz", 7, "mysql://h/%zz"},
	}
	for _, c := range cases {
		if got := withServerID(c.uri, c.id); got != c.want {
			t.Errorf("%s with %d: got %s, want %s", c.uri, c.id, got, c.want)
		}
	}
}
