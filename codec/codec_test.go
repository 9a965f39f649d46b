package codec_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/weir-cdc/weir/codec"
	_ "github.com/weir-cdc/weir/codec/all"
)

func TestOpen(t *testing.T) {
	if got, want := strings.Join(codec.Protocols(), " "), "canal-json csv"; got != want {
		t.Errorf("protocols: %q, want %q", got, want)
	}
	for protocol, extension := range map[string]string{"csv": ".csv", "canal-json": ".json"} {
		c, err := codec.Open(protocol, nil)
		if err != nil {
			t.Fatal(err)
		}
		if c.Protocol() != protocol || c.Extension() != extension {
			t.Errorf("%s: names itself %s and its files %s", protocol, c.Protocol(), c.Extension())
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	for _, c := range []struct{ protocol, query, want string }{
		{"xml", "", `unknown protocol "xml": use one of canal-json, csv`},
		{"csv", "delimeter=%3B", `protocol csv: unknown option "delimeter": known are binary-encoding-method, delimiter, ` +
			`include-commit-ts, null, output-old-value, quote, terminator, timezone`},
		{"csv", "delimiter=%7C&delimiter=%2C", `protocol csv: option delimiter="|, ,": give it once`},
		{"csv", "delimiter=", `protocol csv: option delimiter="": use one to three characters`},
		{"csv", "delimiter=-", `protocol csv: option delimiter="-": use no line break, backslash, or character of a number`},
		{"csv", "quote=%27%27", `protocol csv: option quote="''": use one character, or none`},
		{"csv", "quote=%0A", `protocol csv: option quote="\n": use no line break, backslash, or character of a number`},
		{"csv", "quote=&delimiter=n", `protocol csv: option delimiter="n": use no letter where there is no quote character`},
		{"csv", "quote=,", `protocol csv: options delimiter and quote: use different characters`},
		{"csv", "null=a,b", `protocol csv: option null="a,b": use no line break, delimiter or quote`},
		{"csv", "quote=&null=NULL", `protocol csv: option null="NULL": without a quote character it must begin with a backslash, to differ from a string`},
		{"csv", "binary-encoding-method=base32", `protocol csv: option binary-encoding-method="base32": use "base64" or "hex"`},
		{"csv", "include-commit-ts=yes", `protocol csv: option include-commit-ts="yes": use true or false`},
		{"csv", "output-old-value=", `protocol csv: option output-old-value="": use true or false`},
		{"csv", "terminator=%3B", `protocol csv: option terminator=";": use "\r\n" or "\n"`},
		{"csv", "timezone=Mars", `protocol csv: option timezone="Mars": use a name of the IANA database, for example "UTC" or "Europe/Berlin"`},
		{"canal-json", "quote=%27", `protocol canal-json: unknown option "quote": known are content-compatible, ` +
			`enable-tidb-extension, only-output-updated-columns, terminator, timezone`},
		{"canal-json", "enable-tidb-extension=1", `protocol canal-json: option enable-tidb-extension="1": use true or false`},
	} {
		opts, err := url.ParseQuery(c.query)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := codec.Open(c.protocol, opts); err == nil || err.Error() != c.want {
			t.Errorf("%s?%s:\n got %v\nwant %s", c.protocol, c.query, err, c.want)
		}
	}
}
