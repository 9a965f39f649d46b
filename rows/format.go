package rows

import (
	"strconv"
	"time"
)

// pairs holds "00" to "99".
const pairs = "00010203040506070809" +
	"10111213141516171819" +
	"20212223242526272829" +
	"30313233343536373839" +
	"40414243444546474849" +
	"50515253545556575859" +
	"60616263646566676869" +
	"70717273747576777879" +
	"80818283848586878889" +
	"90919293949596979899"

const (
	microsPerSecond = 1_000_000
	microsPerMinute = 60 * microsPerSecond
	microsPerHour   = 60 * microsPerMinute
	microsPerDay    = 24 * microsPerHour
)

// AppendDate appends a Date's Num as the server prints it: "2024-02-29", "0000-00-00".
func AppendDate(dst []byte, date uint64) []byte {
	y, m, d := UnpackDate(date)
	a, b, m2, d2 := uint(y)/100%100*2, uint(y)%100*2, uint(m)*2, uint(d)*2
	return append(dst, pairs[a], pairs[a+1], pairs[b], pairs[b+1], '-', pairs[m2], pairs[m2+1], '-', pairs[d2], pairs[d2+1])
}

// AppendTime appends a Time's Num, signed microseconds, with scale fraction digits: "-838:59:59.000000".
func AppendTime(dst []byte, micros int64, scale uint8) []byte {
	u := uint64(micros)
	if micros < 0 {
		dst = append(dst, '-')
		u = -u
	}
	hours := u / microsPerHour
	if hours < 100 {
		return appendClock(dst, u, scale)
	}
	dst = strconv.AppendUint(dst, hours, 10)
	return appendMinutes(dst, u%microsPerHour, scale)
}

// AppendDateTime appends a DateTime's Num with scale fraction digits: "2024-02-29 23:59:59.5".
func AppendDateTime(dst []byte, packed uint64, scale uint8) []byte {
	date, micros := UnpackDateTime(packed)
	dst = append(AppendDate(dst, date), ' ')
	return appendClock(dst, micros, scale)
}

// AppendTimestamp appends a Timestamp's Num, microseconds since the Unix epoch, as the wall clock in loc shows it.
// Zero is the zero date in every time zone.
func AppendTimestamp(dst []byte, micros int64, scale uint8, loc *time.Location) []byte {
	if micros == 0 {
		return AppendDateTime(dst, 0, scale)
	}
	return AppendDateTime(dst, TimestampToDateTime(micros, loc), scale)
}

// TimestampToDateTime gives the packed wall clock in loc at micros since the Unix epoch.
func TimestampToDateTime(micros int64, loc *time.Location) uint64 {
	sec, frac := micros/microsPerSecond, micros%microsPerSecond
	if frac < 0 {
		sec, frac = sec-1, frac+microsPerSecond
	}
	if loc != time.UTC {
		_, offset := time.Unix(sec, 0).In(loc).Zone()
		sec += int64(offset)
	}
	days, clock := sec/86400, sec%86400
	if clock < 0 {
		days, clock = days-1, clock+86400
	}
	return PackDateTime(civil(days), uint64(clock*microsPerSecond+frac))
}

// civil gives the packed date of a number of days since 1970-01-01, by the count of days since 0000-03-01, which puts
// the leap day at a year's end.
func civil(days int64) uint64 {
	z := uint64(days + 719468)
	era := z / 146097
	doe := z % 146097
	yoe := (doe - doe/1460 + doe/36524 - doe/146096) / 365
	doy := doe - (365*yoe + yoe/4 - yoe/100)
	mp := (5*doy + 2) / 153
	day := doy - (153*mp+2)/5 + 1
	month, year := mp+3, yoe+era*400
	if month > 12 {
		month, year = month-12, year+1
	}
	return PackDate(int(year), int(month), int(day))
}

// AppendYear appends a Year's Num in four digits: "2155", "0000".
func AppendYear(dst []byte, year uint64) []byte {
	a, b := year/100%100*2, year%100*2
	return append(dst, pairs[a], pairs[a+1], pairs[b], pairs[b+1])
}

// appendClock appends a time of day of less than 100 hours.
func appendClock(dst []byte, micros uint64, scale uint8) []byte {
	h := micros / microsPerHour % 100 * 2
	dst = append(dst, pairs[h], pairs[h+1])
	return appendMinutes(dst, micros%microsPerHour, scale)
}

// appendMinutes appends ":mm:ss[.ffffff]".
func appendMinutes(dst []byte, micros uint64, scale uint8) []byte {
	m := micros / microsPerMinute * 2
	s := micros / microsPerSecond % 60 * 2
	dst = append(dst, ':', pairs[m], pairs[m+1], ':', pairs[s], pairs[s+1])
	if scale == 0 {
		return dst
	}
	f := micros % microsPerSecond
	a, b, c := f/10000*2, f/100%100*2, f%100*2
	dst = append(dst, '.', pairs[a], pairs[a+1], pairs[b], pairs[b+1], pairs[c], pairs[c+1])
	return dst[:len(dst)-6+min(int(scale), 6)]
}
