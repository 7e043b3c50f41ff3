// SPDX-License-Identifier: Apache-2.0
public import Files
import MetricTokens

/// Codes of many images as LlamaGen's extraction lays them out: `NAME_codes/I.npy`, whole numbers `[1, crops, L]` (or
/// `[crops, L]`), beside `NAME_labels/I.npy`, the class, for every image I.
public struct CodeFolder: Sendable {
  /// The folder that holds the two.
  public let path: String
  /// Names of the images, in order: numbers by value, others by letters.
  public let names: [String]
  /// Crops of an image.
  public let crops: Int
  /// Codes of a crop, L.
  public let length: Int
  private let codes: String, labels: String

  /// Looks at which images there are, and at the first of them. The others are checked as they are read: ImageNet has
  /// more than a million.
  ///
  /// - Throws: `InputError` if the two folders are not there, or do not hold the same names.
  public init(_ path: String) throws(InputError) {
    let found = try Self.folders(in: path)
    (codes, labels) = ("\(path)/\(found)_codes", "\(path)/\(found)_labels")
    self.path = path
    names = try Self.images(codes)
    let classes = Set(try Self.images(labels))
    if let lone = names.first(where: { !classes.contains($0) }) {
      throw InputError(path: labels, expected: "a class for each image", found: "no \(lone).npy")
    }
    guard let first = names.first else {
      throw InputError(
        path: codes, expected: "at least one .npy file", found: "none",
        remedy: "Make them: dist2 image-codes PICTURES --tokenizer FOLDER -o \(path).")
    }
    let shape = try Self.shape(NumPyReader("\(codes)/\(first).npy"))
    (crops, length) = (shape.crops, shape.length)
  }

  /// One image: its class, and the codes of one crop, row by row of the grid.
  ///
  /// - Throws: `InputError` naming the file: damaged, or of another shape than the first.
  public func image(_ index: Int, crop: Int) throws(InputError) -> (class: Int, codes: [Int]) {
    let reader = try NumPyReader(codesPath(index)), shape = try Self.shape(reader)
    guard shape == (crops, length) else {
      throw InputError(
        path: reader.path, expected: "\(crops) crops of \(length) codes, as the first image has",
        found: "\(shape.crops) of \(shape.length)")
    }
    let all = try reader.integers(reader.count)
    let label = try NumPyReader("\(labels)/\(names[index]).npy")
    guard label.count == 1 else {
      throw InputError(path: label.path, expected: "one class", found: "an array \(label.shape)")
    }
    return (try label.integers(1)[0], Array(all[crop * length..<(crop + 1) * length]))
  }

  /// The file with an image's codes.
  public func codesPath(_ index: Int) -> String { "\(codes)/\(names[index]).npy" }

  /// The file with its class.
  public func labelPath(_ index: Int) -> String { "\(labels)/\(names[index]).npy" }

  /// Tells folders apart whose images have other names, or whose first and last images have other codes: not every
  /// change is seen, since not everything is read.
  public func fingerprint() throws(InputError) -> UInt64 {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    func add(_ bytes: some Sequence<UInt8>) {
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    }
    for name in names { add(name.utf8) }
    for index in Set([0, names.count - 1]).sorted() {
      add(try fileBytes(codesPath(index)))
      add(try fileBytes(labelPath(index)))
    }
    return hash
  }

  private static func folders(in path: String) throws(InputError) -> String {
    let all = try Files.names(inFolder: path), suffix = "_codes"
    let pairs = all.filter { $0.hasSuffix(suffix) }.map { String($0.dropLast(suffix.count)) }.filter {
      all.contains($0 + "_labels")
    }
    guard pairs.count == 1 else {
      throw InputError(
        path: path, expected: "one pair of folders NAME_codes and NAME_labels",
        found: pairs.isEmpty ? "none" : pairs.map { $0 + suffix }.joined(separator: ", "))
    }
    return pairs[0]
  }

  private static func images(_ folder: String) throws(InputError) -> [String] {
    let names = try Files.names(inFolder: folder).filter { $0.hasSuffix(".npy") }.map { String($0.dropLast(4)) }
    return names.map { (Int($0) ?? .max, $0) }.sorted { $0 < $1 }.map(\.1)
  }

  private static func shape(_ reader: NumPyReader) throws(InputError) -> (crops: Int, length: Int) {
    let shape = reader.shape.count == 3 && reader.shape[0] == 1 ? Array(reader.shape.dropFirst()) : reader.shape
    guard shape.count == 2, shape[0] > 0, shape[1] > 0 else {
      throw InputError(path: reader.path, expected: "codes [1, crops, L]", found: "an array \(reader.shape)")
    }
    return (shape[0], shape[1])
  }
}

/// Writes such a folder, image by image; those that are there already stay.
public struct CodeFolderWriter: Sendable {
  private let codes: String, labels: String

  /// - Parameter name: what the data is called, such as `imagenet384`.
  /// - Throws: `InputError` if the folders cannot be made.
  public init(_ path: String, name: String) throws {
    (codes, labels) = ("\(path)/\(name)_codes", "\(path)/\(name)_labels")
    for folder in [codes, labels] { try makeFolders(folder) }
  }

  /// Whether an image is finished.
  public func has(_ index: Int) -> Bool {
    fileExists("\(codes)/\(index).npy") && fileExists("\(labels)/\(index).npy")
  }

  /// Keeps an image's codes, `crops` times `length` of them.
  ///
  /// - Throws: `InputError` if they cannot be written.
  public func write(_ index: Int, class label: Int, codes values: [Int], crops: Int) throws {
    let shape = [1, crops, values.count / crops]
    try NumPyWriter.write(
      NumPySource(integers: values, shape: shape), to: "\(codes)/\(index).npy", isSynced: false)
    try NumPyWriter.write(
      NumPySource(integers: [label], shape: [1]), to: "\(labels)/\(index).npy", isSynced: false)
  }
}
