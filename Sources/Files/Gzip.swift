// SPDX-License-Identifier: Apache-2.0
import CZlib

/// Whether bytes begin as a gzip file does.
public func isGzip(_ bytes: UnsafeRawBufferPointer) -> Bool { bytes.starts(with: [0x1F, 0x8B]) }

/// The content of a gzip file, whose members may follow one another.
///
/// - Parameters:
///   - path: the file, for errors.
///   - limit: largest size of the content: a small file may hold a very large one.
/// - Throws: `InputError` for a file that is damaged or cut, or whose content is larger.
public func inflate(
  _ bytes: UnsafeRawBufferPointer, path: String, limit: Int = 1 << 30
) throws(InputError) -> [UInt8] {
  // Counted first, so that memory is taken once and for no more than there is.
  var size = 0
  try forEachPiece(of: bytes, path: path) { piece throws(InputError) in
    size += piece.count
    guard size <= limit else {
      throw InputError(
        path: path, expected: "at most \(limit >> 20) MiB of content", found: "more",
        remedy: "Decompress it (gunzip); plain files may be of any size.")
    }
  }
  var content = [UInt8]()
  content.reserveCapacity(size)
  try forEachPiece(of: bytes, path: path) { piece throws(InputError) in content.append(contentsOf: piece) }
  return content
}

/// Visits the content of a gzip file, a piece at a time.
private func forEachPiece(
  of bytes: UnsafeRawBufferPointer, path: String, _ body: (ArraySlice<UInt8>) throws(InputError) -> Void
) throws(InputError) {
  func damaged(_ found: String) -> InputError {
    InputError(path: path, expected: "a whole gzip file", found: found, remedy: "Try `gzip -t` on it; fetch it again.")
  }
  var stream = z_stream()
  // 15: the largest window; 16: gzip's header and check sum.
  guard inflateInit2_(&stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
    throw InputError(path: path, expected: "memory to decompress it", found: "none left")
  }
  defer { inflateEnd(&stream) }
  var chunk = [UInt8](repeating: 0, count: 1 << 18), at = 0, done = 0, isOpen = true
  while at < bytes.count || isOpen {
    let part = UnsafeRawBufferPointer(rebasing: bytes[at..<min(at + 1 << 30, bytes.count)])
    let (status, read, written) = step(&stream, part, &chunk)
    at += read
    done += written
    try body(chunk[..<written])
    switch status {
    case Z_STREAM_END:
      isOpen = false
      if at < bytes.count {
        inflateReset(&stream)
        isOpen = true
      }
    case Z_OK where read > 0 || written > 0: break
    case Z_OK, Z_BUF_ERROR: throw damaged("a file that ends too early, after \(done) bytes of content")
    default: throw damaged(stream.msg.map { String(cString: $0) } ?? "other bytes at \(at)")
    }
  }
}

/// Decompresses as much as fits into `chunk`.
private func step(
  _ stream: inout z_stream, _ input: UnsafeRawBufferPointer, _ chunk: inout [UInt8]
) -> (status: Int32, read: Int, written: Int) {
  chunk.withUnsafeMutableBufferPointer { output in
    // zlib reads the input without changing it.
    stream.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
    stream.avail_in = UInt32(input.count)
    stream.next_out = output.baseAddress
    stream.avail_out = UInt32(output.count)
    let status = CZlib.inflate(&stream, Z_NO_FLUSH)
    return (status, input.count - Int(stream.avail_in), output.count - Int(stream.avail_out))
  }
}
