// SPDX-License-Identifier: Apache-2.0
public import Files

/// The images of a folder or a file, a few at a time.
///
/// Readable formats:
/// - a folder: every `.png`, `.jpg` and `.jpeg` in it and in folders within, in order of their paths;
/// - `.npz`: the array `arr_0`, uint8 `[N, H, W, C]` or `[N, H, W]`, as samplers write it for the evaluator of ADM;
/// - `.npy`: such an array alone;
/// - IDX, plain or gzipped: `[N, H, W]` bytes, as Fashion-MNIST comes.
public final class ImageReader {
  private enum Content {
    case files([String])
    case array(NumPyReader, height: Int, width: Int, channels: Int)
    case bytes(IDXFile)
  }
  /// The folder or file.
  public let path: String
  /// How many images there are.
  public let count: Int
  private let content: Content
  private let pixelLimit: Int
  /// Most bytes of images that are given at once, unless one alone has more.
  private static let batchLimit = 1 << 28
  private var done = 0
  // Read already, but of another size than those before it.
  private var waiting: PixelImage?

  /// Finds out what there is; images are not read yet.
  ///
  /// - Parameters:
  ///   - limit: the most images to read, from the first on; nil for all.
  ///   - pixelLimit: the most pixels of an image.
  /// - Throws: `InputError` if there is no image, or the file is of no kind that is read.
  public init(_ path: String, limit: Int? = nil, pixelLimit: Int = PixelImage.pixelLimit) throws(InputError) {
    self.path = path
    self.pixelLimit = pixelLimit
    let all: Int
    if path.hasSuffix(".npz") || path.hasSuffix(".npy") {
      let array = path.hasSuffix(".npy") ? try NumPyReader(path) : try NumPyArchive(path).array("arr_0")
      content = try Self.content(of: array, pixelLimit: pixelLimit)
      all = array.shape[0]
    } else if Self.isFolder(path) {
      let files = try Self.images(in: path, depth: 0)
      content = .files(files)
      all = files.count
    } else {
      let file = try IDXFile(path)
      guard file.shape.count == 3 else {
        throw InputError(path: path, expected: "images, an array of three dimensions", found: "\(file.shape)")
      }
      try PixelImage.check(width: file.shape[2], height: file.shape[1], path: path, pixelLimit: pixelLimit)
      content = .bytes(file)
      all = file.shape[0]
    }
    guard all > 0 else {
      throw InputError(
        path: path, expected: "at least one image", found: "none",
        remedy: "Give a folder of PNG or JPEG files, an .npz file with arr_0, or an IDX file.")
    }
    count = min(all, limit ?? all)
  }

  /// Height and width of the first image, of which no more is read than it takes to know.
  ///
  /// - Throws: `InputError` that names the image.
  public func firstSize() throws(InputError) -> (height: Int, width: Int) {
    switch content {
    case .files(let files):
      let size = try PixelImage.size(ofFile: files[0])
      return (size.height, size.width)
    case .array(_, let height, let width, _): return (height, width)
    case .bytes(let file): return (file.shape[1], file.shape[2])
    }
  }

  /// The next images, all of one size and with equal channels; nil after the last.
  ///
  /// - Parameters:
  ///   - most: how many at most; large ones are fewer at once.
  ///   - channels: what they shall have; nil leaves them as they are.
  /// - Throws: `InputError` that names the image.
  public func next(_ most: Int, channels: Int? = nil) throws(InputError) -> ImageBatch? {
    let wanted = min(most, count - done)
    guard wanted > 0 else { return nil }
    let batch: ImageBatch
    switch content {
    case .files(let files): batch = try read(files, wanted, channels)
    case .array(let array, let height, let width, let depth):
      // The sides were checked, so the product is that of an image.
      let size = height * width * depth, wanted = min(wanted, max(1, Self.batchLimit / size))
      batch = ImageBatch(
        count: wanted, height: height, width: width, channels: depth, bytes: try array.bytes(wanted * size))
    case .bytes(let file):
      let size = file.shape[1] * file.shape[2], wanted = min(wanted, max(1, Self.batchLimit / size))
      batch = ImageBatch(
        count: wanted, height: file.shape[1], width: file.shape[2], channels: 1,
        bytes: Array(file.bytes[done * size..<(done + wanted) * size]))
    }
    done += batch.count
    return channels.map { batch.converted(channels: $0) } ?? batch
  }

  private func read(_ files: [String], _ wanted: Int, _ channels: Int?) throws(InputError) -> ImageBatch {
    var images: [PixelImage] = [], bytes = 0
    while images.count < wanted, bytes < Self.batchLimit {
      var image: PixelImage
      if let kept = waiting {
        image = kept
      } else {
        image = try PixelImage(file: files[done + images.count], pixelLimit: pixelLimit)
        if let channels { image = image.converted(channels: channels) }
      }
      waiting = nil
      if let first = images.first,
        (image.width, image.height, image.channels) != (first.width, first.height, first.channels)
      {
        waiting = image
        break
      }
      images.append(image)
      bytes += image.bytes.count
    }
    return ImageBatch(images)
  }

  private static func content(of array: NumPyReader, pixelLimit: Int) throws(InputError) -> Content {
    let shape = array.shape
    guard array.type == .u8, shape.count == 3 || (shape.count == 4 && (shape[3] == 1 || shape[3] == 3)) else {
      throw InputError(
        path: array.path, place: array.name, expected: "images, uint8 [N, H, W, 3], [N, H, W, 1] or [N, H, W]",
        found: "\(array.type.rawValue) \(shape)", remedy: "Save (x.clip(0, 255)).astype(numpy.uint8), channels last.")
    }
    try PixelImage.check(width: shape[2], height: shape[1], path: array.path, pixelLimit: pixelLimit)
    return .array(array, height: shape[1], width: shape[2], channels: shape.count == 4 ? shape[3] : 1)
  }

  private static func isFolder(_ path: String) -> Bool { (try? names(inFolder: path)) != nil }

  /// Every image below a folder, in order.
  static func images(in folder: String, depth: Int) throws(InputError) -> [String] {
    guard depth < 16 else {
      throw InputError(path: folder, expected: "folders at most 16 deep", found: "deeper ones")
    }
    var found: [String] = []
    for name in try names(inFolder: folder) where !name.hasPrefix(".") {
      let path = folder + "/" + name
      if [".png", ".jpg", ".jpeg"].contains(where: name.lowercased().hasSuffix) {
        found.append(path)
      } else if isFolder(path) {
        found += try images(in: path, depth: depth + 1)
      }
    }
    return found
  }
}
