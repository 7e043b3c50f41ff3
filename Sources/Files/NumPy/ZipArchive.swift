// SPDX-License-Identifier: Apache-2.0
/// The directory of a zip archive, the container of `.npz`.
///
/// Reads what NumPy writes: files stored as they are or deflated, archives and files above 4 GiB (zip64). The format is
/// APPNOTE.TXT of PKWARE, sections 4.3 and 4.5.
struct ZipArchive {
  /// A file in the archive.
  struct Entry {
    /// Its name.
    let name: String
    /// Where its bytes are, compressed or not.
    let range: Range<Int>
    /// Bytes of the content.
    let size: Int
    /// Whether the bytes are deflated.
    let isDeflated: Bool
    /// CRC-32 of the content.
    let checksum: UInt32
  }

  let file: MappedFile
  let entries: [Entry]
  private static let most = 65_536

  init(_ path: String) throws(InputError) {
    file = try MappedFile(path)
    let bytes = ZipBytes(file: file)
    let directory = try Self.directory(bytes)
    var entries: [Entry] = []
    var position = directory.start
    for _ in 0..<directory.count {
      let (entry, end) = try Self.entry(bytes, at: position)
      entries.append(entry)
      position = end
    }
    self.entries = entries
  }

  /// Where the list of files begins, and how many there are: said at the very end of the archive, before a comment.
  private static func directory(_ bytes: ZipBytes) throws(InputError) -> (start: Int, count: Int) {
    let last = bytes.count - 22
    // A comment has at most 65,535 bytes.
    let end = stride(from: last, through: max(0, last - 65_535), by: -1).first { bytes.startsDirectoryEnd($0) }
    guard last >= 0, let end else {
      throw InputError(
        path: bytes.path, expected: "a whole zip archive (.npz)", found: "no directory at its end",
        remedy: "Is it cut off, or no .npz file?")
    }
    var (start, count) = (try bytes.int(end + 16, 4), try bytes.int(end + 10, 2))
    if end >= 20, try bytes.int(end - 20, 4) == 0x0706_4B50 {
      let wide = try bytes.int(end - 12, 8)
      guard try bytes.int(wide, 4) == 0x0606_4B50 else { throw bytes.damaged(at: wide) }
      (start, count) = (try bytes.int(wide + 48, 8), try bytes.int(wide + 32, 8))
    }
    guard count <= most else {
      throw InputError(path: bytes.path, expected: "at most \(most) files in the archive", found: "\(count)")
    }
    return (start, count)
  }

  /// One line of the directory, and where the next begins.
  private static func entry(_ bytes: ZipBytes, at position: Int) throws(InputError) -> (Entry, end: Int) {
    guard try bytes.int(position, 4) == 0x0201_4B50 else { throw bytes.damaged(at: position) }
    let (flags, method) = (try bytes.int(position + 8, 2), try bytes.int(position + 10, 2))
    let checksum = try bytes.int(position + 16, 4)
    let (nameCount, extraCount) = (try bytes.int(position + 28, 2), try bytes.int(position + 30, 2))
    let name = try bytes.text(position + 46, nameCount)
    // Compressed size, size and offset; what does not fit 32 bits stands in an extra field, in another order.
    var fields = (
      size: try bytes.int(position + 24, 4), packed: try bytes.int(position + 20, 4),
      header: try bytes.int(position + 42, 4)
    )
    if var wide = try bytes.wideField(from: position + 46 + nameCount, count: extraCount) {
      if fields.size == 0xFFFF_FFFF { fields.size = try wide.next() }
      if fields.packed == 0xFFFF_FFFF { fields.packed = try wide.next() }
      if fields.header == 0xFFFF_FFFF { fields.header = try wide.next() }
    }
    guard flags & 1 == 0, method == 0 || method == 8 else {
      throw InputError(
        path: bytes.path, place: name, expected: "a file stored or deflated, not encrypted",
        found: "compression method \(method)", remedy: "Write it with numpy.savez.")
    }
    guard try bytes.int(fields.header, 4) == 0x0403_4B50 else { throw bytes.damaged(at: fields.header) }
    let start = fields.header + 30 + (try bytes.int(fields.header + 26, 2)) + (try bytes.int(fields.header + 28, 2))
    guard start <= bytes.count, fields.packed <= bytes.count - start, method == 8 || fields.packed == fields.size else {
      throw bytes.damaged(at: position)
    }
    let entry = Entry(
      name: name, range: start..<start + fields.packed, size: fields.size, isDeflated: method == 8,
      checksum: UInt32(checksum))
    return (entry, position + 46 + nameCount + extraCount + (try bytes.int(position + 32, 2)))
  }
}

/// Numbers of an archive, each read only if it is within the file.
private struct ZipBytes {
  let file: MappedFile
  var path: String { file.path }
  var count: Int { file.unsafeBytes.count }

  func damaged(at position: Int) -> InputError {
    InputError(
      path: path, place: "byte \(position)", expected: "a whole zip archive (.npz)", found: "something else",
      remedy: "Try `unzip -t` on it; fetch it again.")
  }

  func startsDirectoryEnd(_ position: Int) -> Bool { (try? int(position, 4)) == 0x0605_4B50 }

  /// A little-endian number of `width` bytes.
  func int(_ position: Int, _ width: Int) throws(InputError) -> Int {
    guard position >= 0, width <= count, position <= count - width else { throw damaged(at: position) }
    var value: UInt64 = 0
    for index in 0..<width { value |= UInt64(file.unsafeBytes[position + index]) << UInt64(8 * index) }
    guard let small = Int(exactly: value) else { throw damaged(at: position) }
    return small
  }

  func text(_ position: Int, _ length: Int) throws(InputError) -> String {
    guard position <= count, length <= count - position else { throw damaged(at: position) }
    return String(decoding: file.unsafeBytes[position..<position + length], as: UTF8.self)
  }

  /// The extra field of zip64 among those of a file.
  func wideField(from start: Int, count: Int) throws(InputError) -> WideField? {
    var position = start
    while position + 4 <= start + count {
      let length = try int(position + 2, 2)
      if try int(position, 2) == 1 { return WideField(bytes: self, position: position + 4, end: position + 4 + length) }
      position += 4 + length
    }
    return nil
  }

  struct WideField {
    let bytes: ZipBytes
    var position: Int
    let end: Int

    mutating func next() throws(InputError) -> Int {
      guard position + 8 <= end else { throw bytes.damaged(at: position) }
      defer { position += 8 }
      return try bytes.int(position, 8)
    }
  }
}
