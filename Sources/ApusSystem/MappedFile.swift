import Glibc

/// A regular file that is read through memory, page by page as it is used.
///
/// The file must not be made shorter while it is mapped: the system ends a process that reads a
/// page that is gone.
package struct MappedFile: ~Copyable {
    package let path: String
    /// The size of the file in bytes when it was opened.
    package let count: Int
    private let base: UnsafeMutableRawPointer?

    /// Maps a regular file for reading; an empty one is fine, a pipe or a device is not.
    package init(path: String) throws(SystemError) {
        let file = try Descriptor.open(path, O_RDONLY | O_NONBLOCK)
        let status = try fileStatus(of: file, path: path)
        guard status.kind == .regular else {
            throw SystemError("map", path, code: EINVAL, reason: "it is not a regular file")
        }
        var base: UnsafeMutableRawPointer?
        if status.size > 0 {
            base = mmap(nil, status.size, PROT_READ, MAP_PRIVATE, file.number, 0)
            guard base != MAP_FAILED else { throw SystemError("map", path, code: errno) }
        }
        self.path = path
        self.count = status.size
        self.base = base
    }

    deinit {
        if let base { munmap(base, count) }
    }

    /// The byte at an index from 0 up to `count`.
    package subscript(index: Int) -> UInt8 {
        precondition(index >= 0 && index < count, "index within the file")
        return base?.load(fromByteOffset: index, as: UInt8.self) ?? 0
    }

    /// A copy of a part of the file.
    package func copyBytes(_ range: Range<Int>) -> [UInt8] {
        withBytes(in: range) { bytes in
            [UInt8](unsafeUninitializedCapacity: bytes.count) { buffer, filled in
                bytes.withUnsafeBufferPointer { source in
                    filled = buffer.initialize(fromContentsOf: source)
                }
            }
        }
    }

    /// Reads a part of the file in place.
    package func withBytes<Result>(
        in range: Range<Int>, _ body: (Span<UInt8>) -> Result
    ) -> Result {
        precondition(range.lowerBound >= 0 && range.upperBound <= count, "range within the file")
        let bytes = UnsafeRawBufferPointer(start: base, count: count)
        return body(bytes.bindMemory(to: UInt8.self).extracting(range).span)
    }
}
