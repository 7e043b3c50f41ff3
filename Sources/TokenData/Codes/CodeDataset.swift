// SPDX-License-Identifier: Apache-2.0
public import Files
public import MetricTokens

/// Images as sequences `[class, code, code, …]`, of which every code is learnt and carries the distance.
///
/// Every epoch sees one crop of each image, chosen by the seed.
public struct CodeDataset: Sendable {
  /// Meaning of the model's ids: below ``codes`` they are codes, from there on classes.
  public struct Sizes: Sendable, Hashable {
    /// Codes of the code book.
    public var codes: Int
    /// Classes of the images.
    public var classes: Int
    /// Codes of an image.
    public var length: Int

    /// Memberwise.
    public init(codes: Int, classes: Int, length: Int) {
      (self.codes, self.classes, self.length) = (codes, classes, length)
    }
  }

  /// Value found.
  public let summary: DatasetSummary
  private let folder: CodeFolder
  private let sizes: Sizes
  private let seed: UInt64
  private let chosen: [Int]

  /// Opens a folder of codes.
  ///
  /// - Parameters:
  ///   - metrics: how many metrics the run has: every code carries the first.
  ///   - limit: only so many images, the first of an order shuffled by the seed; nil for all.
  /// - Throws: `InputError` if it is no such folder, or images have another number of codes than the model draws.
  public init(
    _ path: String, _ sizes: Sizes, metrics: Int, limit: Int? = nil, seed: UInt64
  ) throws(InputError) {
    folder = try CodeFolder(path)
    guard folder.length == sizes.length else {
      throw InputError(
        path: folder.codesPath(0), expected: "\(sizes.length) codes, as many as the model draws",
        found: "\(folder.length)", remedy: "Make the codes of images of another size: dist2 image-codes --size.")
    }
    (self.sizes, self.seed) = (sizes, seed)
    chosen = Dataset.order(folder.names.count, limit: limit, seed: seed)
    summary = DatasetSummary(
      path: path, images: chosen.count, of: folder.names.count, length: sizes.length, metrics: metrics,
      fingerprint: try folder.fingerprint())
  }

  /// Number of images.
  public var count: Int { chosen.count }

  /// An image as the first epoch sees it.
  ///
  /// - Throws: as ``example(_:epoch:)``.
  public func example(_ index: Int) throws(InputError) -> EncodedExample { try example(index, epoch: 0) }

  /// An image as an epoch sees it.
  ///
  /// - Throws: `InputError` naming the file: damaged, or with a class or code that the model does not have.
  public func example(_ index: Int, epoch: Int) throws(InputError) -> EncodedExample {
    let image = chosen[index]
    var generator = CounterGenerator(seed, 0x6372_6F70, UInt64(epoch), UInt64(image))
    let (label, codes) = try folder.image(image, crop: generator.next(below: folder.crops))
    guard (0..<sizes.classes).contains(label) else {
      throw InputError(
        path: folder.labelPath(image), expected: "a class of 0 ... \(sizes.classes - 1)", found: "\(label)")
    }
    if let place = codes.firstIndex(where: { !(0..<sizes.codes).contains($0) }) {
      throw InputError(
        path: folder.codesPath(image), place: "code \(place)", expected: "a code of 0 ... \(sizes.codes - 1)",
        found: "\(codes[place])", remedy: "Were these codes made with another tokenizer?")
    }
    return EncodedExample(
      classToken: Int32(sizes.codes + label), codes: codes.map(Int32.init), hasMetric: !summary.metrics.isEmpty,
      source: folder.codesPath(image))
  }
}

extension EncodedExample {
  /// A class, which is read, and an image's codes, which are learnt.
  ///
  /// - Parameter hasMetric: whether codes carry the run's first metric, whose candidates are all codes.
  package init(classToken: Int32, codes: [Int32], hasMetric: Bool, source: String) {
    self.init(
      ids: [classToken] + codes, supervised: [false] + codes.map { _ in true },
      metrics: hasMetric
        ? codes.enumerated().map { MetricPosition(position: $0 + 1, candidate: Int($1), number: $0) } : [],
      source: source)
  }
}
