// SPDX-License-Identifier: Apache-2.0
import CZlib

/// The content of a stretch of a mapped file, deflated or not, read from front to back.
final class FileStretch {
  private let file: MappedFile
  private let range: Range<Int>
  private let place: String
  private let checksum: UInt32?
  private var rest: Int
  private var position: Int
  private var sum: UInt
  // zlib keeps a pointer to the stream, so it must never move.
  private let stream: UnsafeMutablePointer<z_stream>?

  /// - Parameters:
  ///   - place: what errors call the stretch.
  ///   - size: bytes of the content.
  ///   - checksum: CRC-32 of the content, checked when the last byte is read.
  init(
    _ file: MappedFile, _ range: Range<Int>, place: String, size: Int, isDeflated: Bool = false,
    checksum: UInt32? = nil
  ) throws(InputError) {
    (self.file, self.range, self.place, self.checksum) = (file, range, place, checksum)
    (rest, position, sum) = (size, range.lowerBound, crc32(0, nil, 0))
    guard isDeflated else {
      stream = nil
      return
    }
    let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    stream.initialize(to: z_stream())
    self.stream = stream
    // −15: the largest window, and neither zlib's nor gzip's header.
    guard inflateInit2_(stream, -15, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
      throw InputError(path: file.path, place: place, expected: "memory to decompress it", found: "none left")
    }
  }

  deinit {
    if let stream {
      inflateEnd(stream)
      stream.deinitialize(count: 1)
      stream.deallocate()
    }
  }

  /// The next bytes, exactly so many.
  func read(_ count: Int) throws(InputError) -> [UInt8] {
    guard count <= rest else {
      throw InputError(
        path: file.path, place: place, expected: "\(count) bytes more", found: "\(rest)", remedy: "Is the file cut off?"
      )
    }
    var isWhole = true
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, written in
      isWhole = fill(UnsafeMutableRawBufferPointer(buffer))
      written = isWhole ? count : 0
    }
    guard isWhole else { throw damaged("deflated bytes that are damaged or end too early") }
    rest -= count
    if let checksum {
      sum = bytes.withUnsafeBytes { crc32_z(sum, $0.bindMemory(to: UInt8.self).baseAddress, $0.count) }
      guard rest > 0 || sum == UInt(checksum) else { throw damaged("content whose check sum differs") }
    }
    return bytes
  }

  private func damaged(_ found: String) -> InputError {
    InputError(
      path: file.path, place: place, expected: "an undamaged file", found: found,
      remedy: "Try `unzip -t` on it; fetch it again.")
  }

  private func fill(_ buffer: UnsafeMutableRawBufferPointer) -> Bool {
    guard let stream else {
      guard buffer.count <= range.upperBound - position else { return false }
      file.withBytes {
        buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + buffer.count]))
      }
      position += buffer.count
      return true
    }
    var filled = 0
    while filled < buffer.count {
      // Counts are 32 bits wide in zlib.
      let (input, room) = (min(range.upperBound - position, 1 << 30), min(buffer.count - filled, 1 << 30))
      let status = file.withBytes { bytes in
        // zlib reads the input without changing it.
        stream.pointee.next_in = UnsafeMutablePointer(
          mutating: bytes.bindMemory(to: UInt8.self).baseAddress! + position)
        stream.pointee.avail_in = UInt32(input)
        stream.pointee.next_out = buffer.bindMemory(to: UInt8.self).baseAddress! + filled
        stream.pointee.avail_out = UInt32(room)
        return CZlib.inflate(stream, Z_NO_FLUSH)
      }
      let (used, made) = (input - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out))
      position += used
      filled += made
      guard status == Z_OK || (status == Z_STREAM_END && filled == buffer.count), used > 0 || made > 0 else {
        return false
      }
    }
    return true
  }
}
