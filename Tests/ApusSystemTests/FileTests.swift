import ApusSystem
import Glibc
import Testing

@Suite("files") struct FileTests {
    @Test("a mapped file gives its bytes, one by one and in parts")
    func mapsFile() throws {
        let folder = try TemporaryFolder()
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let file = try MappedFile(path: folder.write(bytes, to: "bytes"))
        #expect(file.count == 10_000)
        #expect(file[9_999] == bytes[9_999])
        #expect(file.copyBytes(4_000..<9_000) == Array(bytes[4_000..<9_000]))
        #expect(
            file.withBytes(in: 5..<8) { span in (0..<span.count).map { span[$0] } } == [35, 42, 49])
    }

    @Test("an empty file maps to no bytes")
    func mapsEmptyFile() throws {
        let folder = try TemporaryFolder()
        let file = try MappedFile(path: folder.write("", to: "empty"))
        #expect(file.count == 0)
        #expect(file.copyBytes(0..<0).isEmpty)
    }

    @Test(
        "what is missing, a folder or a pipe is not mapped, and nothing waits for a pipe's writer")
    func refusesOtherThanFiles() throws {
        let folder = try TemporaryFolder()
        let pipe = "\(folder.path)/pipe"
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(throws: SystemError("map", pipe, code: EINVAL, reason: "it is not a regular file"))
        {
            _ = try MappedFile(path: pipe)
        }
        #expect(throws: SystemError("open", "/nowhere/x", code: ENOENT)) {
            _ = try MappedFile(path: "/nowhere/x")
        }
        let text = "\(SystemError("open", "/nowhere/x", code: ENOENT))"
        #expect(text == "cannot open `/nowhere/x`: No such file or directory")
        #expect(throws: SystemError.self) { _ = try MappedFile(path: folder.path) }
        #expect(throws: SystemError.self) { _ = try readFile(pipe, limit: 10) }
    }

    @Test("a tree lists regular files by path bytes, without hidden names, each folder once")
    func listsTree() throws {
        let folder = try TemporaryFolder()
        for name in ["b.txt", "a/z.txt", "a/A.txt", ".hidden", ".git/config", "a-b.txt"] {
            try folder.write("x", to: name)
        }
        #expect(symlink(folder.path, "\(folder.path)/a/round") == 0)
        #expect(symlink("\(folder.path)/gone", "\(folder.path)/dangling") == 0)
        let names = try FileTree.files(at: folder.path).map { $0.dropFirst(folder.path.count + 1) }
        #expect(names == ["a-b.txt", "a/A.txt", "a/z.txt", "b.txt"])
        #expect(try FileTree.files(at: "\(folder.path)/.hidden") == ["\(folder.path)/.hidden"])
    }

    @Test("a tree without files and a path to nothing are errors")
    func refusesEmptyTree() throws {
        let folder = try TemporaryFolder()
        #expect(throws: SystemError.self) { try FileTree.files(at: folder.path) }
        #expect(throws: SystemError.self) { try FileTree.files(at: "\(folder.path)/x") }
        #expect(throws: SystemError.self) { try FileTree.files(at: "/dev/null") }
    }

    @Test("a file is read whole up to its limit and refused above it")
    func readsFile() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("hello", to: "x")
        #expect(try readFile(path, limit: 5) == Array("hello".utf8))
        #expect(try readFile(path, limit: .max) == Array("hello".utf8))
        #expect(throws: SystemError.self) { try readFile(path, limit: 4) }
        #expect(try !readFile("/proc/self/status", limit: 1 << 20).isEmpty)
    }

    @Test("an atomic write replaces a file and leaves nothing else behind")
    func writesAtomically() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("old and long", to: "x")
        try writeFileAtomically(Array("new".utf8), to: path)
        #expect(try readFile(path, limit: 100) == Array("new".utf8))
        #expect(try FileTree.files(at: folder.path) == [path])
        #expect(throws: SystemError("write", "/nowhere/x", code: ENOENT)) {
            try writeFileAtomically([1], to: "/nowhere/x")
        }
    }

    @Test("a line is in the log as soon as it is written; a log can be gone on with")
    func writesLines() throws {
        let folder = try TemporaryFolder()
        let path = "\(folder.path)/log"
        let log = try LineWriter(path: path)
        try log.append("one")
        #expect(try readFile(path, limit: 100) == Array("one\n".utf8))
        try LineWriter(path: path, keeping: true).append("two")
        try log.append("three")
        #expect(try readFile(path, limit: 100) == Array("one\ntwo\nthree\n".utf8))
    }
}

@Suite("A log")
struct LogTests {
    @Test("is not written over a file that the run reads, under whatever name")
    func sparesInputs() throws {
        let folder = try TemporaryFolder()
        let data = folder.path + "/data.txt"
        try writeFileAtomically(Array("text".utf8), to: data)
        let error = #expect(throws: SystemError.self) {
            _ = try LineWriter(path: folder.path + "/./data.txt", inputs: [data])
        }
        #expect(error?.reason == "it is read by this run as `\(data)`")
        #expect(try readFile(data, limit: 10) == Array("text".utf8))
    }
}
