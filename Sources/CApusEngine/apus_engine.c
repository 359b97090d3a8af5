// SwiftPM needs one source file; the header is the whole target.
