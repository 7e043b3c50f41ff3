// SPDX-License-Identifier: Apache-2.0
import Files
public import TokenData
import TokenModels
import Torch
import TorchNN

/// Turns classified images into the codes that a generator learns from, image by image: an interrupted extraction
/// goes on.
public final class CodeExtraction {
  /// How images are cut.
  public struct Crops: Sendable, Hashable {
    /// Side of a crop; nil takes images as they are.
    public var side: Int?
    /// The shorter side is first brought to `side` times each of these (LlamaGen: 1.1 and 1.05).
    public var ranges: [Double]
    /// Ten crops of each (corners and centre, and the same of the mirrored image), or the centre alone.
    public var areTen: Bool

    /// Memberwise.
    public init(side: Int?, ranges: [Double] = [1.1, 1.05], areTen: Bool = true) {
      (self.side, self.ranges, self.areTen) = (side, ranges, areTen)
    }

    /// Crops of an image.
    public var count: Int { side == nil ? 1 : (areTen ? 10 : 1) * ranges.count }

    /// The crops of an image, in the order of LlamaGen's extraction.
    ///
    /// - Throws: `InputError` for an image too small to be cut.
    public func of(_ image: PixelImage) -> [PixelImage] {
      guard let side else { return [image] }
      return ranges.flatMap { range in
        let scaled = image.centred(Int(Double(side) * range))
        return areTen ? scaled.fiveCrops(side) + scaled.mirrored.fiveCrops(side) : [scaled.centreCrop(side)]
      }
    }
  }

  private let images: ClassifiedImages
  private let tokenizer: VQModel
  private let crops: Crops
  private let batch: Int

  /// - Parameters:
  ///   - tokenizer: folder of a VQ model.
  ///   - batch: crops that are encoded at once.
  /// - Throws: `InputError` if the tokenizer cannot be read.
  public init(_ images: ClassifiedImages, tokenizer: String, _ crops: Crops, batch: Int = 16) throws {
    (self.images, self.crops, self.batch) = (images, crops, batch)
    self.tokenizer = try VQModel(folder: tokenizer)
  }

  /// Encodes what is not there yet.
  ///
  /// - Parameter progress: told how many images are done.
  /// - Throws: `InputError` for an image that cannot be read, naming it, or codes that cannot be written; a torch
  ///   error.
  public func run(into writer: CodeFolderWriter, progress: (Int) -> Void = { _ in }) throws {
    let waiting = (0..<images.count).filter { !writer.has($0) }
    let atOnce = max(1, batch / crops.count)
    for start in stride(from: 0, to: waiting.count, by: atOnce) {
      progress(images.count - waiting.count + start)
      let part = Array(waiting[start..<min(start + atOnce, waiting.count)])
      let codes = try encode(try cut(part).flatMap { $0 })
      for (place, index) in part.enumerated() {
        let own = codes[place * crops.count..<(place + 1) * crops.count]
        try writer.write(
          index, class: images.classes[index], codes: own.flatMap { $0 }, crops: crops.count)
      }
    }
    progress(images.count)
  }

  /// Reads and cuts images, on all cores.
  private func cut(_ indices: [Int]) throws -> [[PixelImage]] {
    var results = [Result<[PixelImage], InputError>?](repeating: nil, count: indices.count)
    let channels = tokenizer.configuration.imageChannels
    results.withUnsafeMutableBufferPointer { results in
      // Each index is written by one thread alone.
      nonisolated(unsafe) let results = results
      let (images, crops) = (images, crops)
      Threads.perform(indices.count) { place in
        results[place] = Result { () throws(InputError) in
          crops.of(try images.image(indices[place], channels: channels))
        }
      }
    }
    return try results.compactMap { $0 }.map { try $0.get() }
  }

  /// Codes of images of one size, or of several: those of one size together.
  private func encode(_ images: [PixelImage]) throws -> [[Int]] {
    var codes = [[Int]]()
    for start in stride(from: 0, to: images.count, by: batch) {
      let part = Array(images[start..<min(start + batch, images.count)])
      if let first = part.first, let other = part.first(where: { ($0.width, $0.height) != (first.width, first.height) })
      {
        throw InputError(
          path: self.images.path, expected: "images of one size",
          found: "\(first.width) x \(first.height) and \(other.width) x \(other.height)",
          remedy: "Say what to bring them to: --size 256.")
      }
      let all = ImageBatch(part)
      codes += try withTorchErrors {
        let pixels = Tensor(all.bytes, shape: [all.count, all.height, all.width, all.channels])
        let flat = try tokenizer.codes(of: pixels.permute([0, 3, 1, 2])).flatten(1)
        let values = flat.array(of: Int64.self), length = flat.size(1)
        return (0..<all.count).map { row in values[row * length..<(row + 1) * length].map(Int.init) }
      }
    }
    return codes
  }
}
