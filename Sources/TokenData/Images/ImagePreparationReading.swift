// SPDX-License-Identifier: Apache-2.0
public import Files

extension ImagePreparation {
  /// Reads `preprocessor_config.json`, or the `image_processor` of `processor_config.json`, of a model's folder.
  ///
  /// - Throws: `InputError` naming file and key for what is missing or malformed, and for every step that this library
  ///   does not take.
  public init(folder: String) throws(InputError) { try self.init(Self.configuration(folder: folder)) }

  /// What a model's folder says of the preparation of images, whatever kind it is of.
  ///
  /// - Throws: `InputError` for a file that cannot be read.
  public static func configuration(folder: String) throws(InputError) -> JSONReader {
    let own = folder + "/preprocessor_config.json", shared = folder + "/processor_config.json"
    if !fileExists(own), fileExists(shared), let part = try JSONReader(file: shared).ifPresent("image_processor") {
      return part
    }
    return try JSONReader(file: own, limit: 1 << 20)
  }

  /// From the configuration's object, with the defaults of transformers.
  public init(_ config: JSONReader) throws(InputError) {
    var type = try config.ifPresent("image_processor_type")
    if type == nil { type = try config.ifPresent("feature_extractor_type") }
    let name = try type?.string() ?? "CLIPImageProcessor"
    let families = ["CLIP", "Llava", "Siglip", "Gemma3"]
    guard
      families.contains(where: { name.hasPrefix($0 + "ImageProcessor") || name == $0 + "FeatureExtractor" })
    else {
      throw config.child("image_processor_type", .string(name)).error(
        expected: "CLIPImageProcessor, LlavaImageProcessor, SiglipImageProcessor or Gemma3ImageProcessor", found: name)
    }
    let isGemma = name.hasPrefix("Gemma3"), isSiglip = isGemma || name.hasPrefix("Siglip")
    let colours = isSiglip ? Self.siglip : Self.clip
    if isGemma, let scan = try config.ifPresent("do_pan_and_scan"), try scan.bool() {
      throw scan.error(
        expected: "false, the only value supported: each image is one view",
        remedy: "transformers' processor has it off by default.")
    }
    func flag(_ key: String, default: Bool) throws(InputError) -> Bool {
      try config.ifPresent(key)?.bool() ?? `default`
    }
    let pads = try flag("do_pad", default: false)
    if pads, !name.hasPrefix("Llava") {
      throw config.child("do_pad", true).error(expected: "false for \(name)")
    }
    let usual: Size = isSiglip ? .exact(height: 224, width: 224) : .shortestEdge(224)
    let size = try flag("do_resize", default: true) ? try Self.size(config.ifPresent("size")) ?? usual : nil
    let crops = try flag("do_center_crop", default: !isSiglip)
    let crop = crops ? try Self.crop(config.ifPresent("crop_size")) : try Self.sides(of: size, config)
    let normalises = try flag("do_normalize", default: true)
    self.init(
      padsToSquare: pads, size: size,
      filter: try Self.filter(config.ifPresent("resample"), default: isGemma ? .bilinear : .bicubic), crop: crop,
      rescaling: try flag("do_rescale", default: true)
        ? try config.ifPresent("rescale_factor")?.double() ?? 1 / 255 : nil,
      mean: normalises ? try Self.channels(config.ifPresent("image_mean")) ?? colours.mean : [0, 0, 0],
      deviation: normalises ? try Self.channels(config.ifPresent("image_std")) ?? colours.deviation : [1, 1, 1])
    if deviation.contains(0) { throw try config.at("image_std").error(expected: "numbers other than 0") }
  }

  private static let longestSide = 1 << 13

  private static func side(_ value: JSONReader) throws(InputError) -> Int {
    let side = try value.int()
    guard (1...longestSide).contains(side) else {
      throw value.error(expected: "a side of 1 ... \(longestSide) pixels")
    }
    return side
  }

  private static func size(_ value: JSONReader?) throws(InputError) -> Size? {
    guard let value else { return nil }
    guard case .object(let object) = value.value else { return .shortestEdge(try side(value)) }
    if object["longest_edge"] != nil || object["max_height"] != nil {
      throw value.error(expected: "shortest_edge, or height and width, the only sizes supported")
    }
    if object["shortest_edge"] != nil { return .shortestEdge(try side(value.at("shortest_edge"))) }
    return .exact(height: try side(value.at("height")), width: try side(value.at("width")))
  }

  private static func crop(_ value: JSONReader?) throws(InputError) -> (height: Int, width: Int) {
    guard let value else { return (224, 224) }
    guard case .object = value.value else {
      let both = try side(value)
      return (both, both)
    }
    return (try side(value.at("height")), try side(value.at("width")))
  }

  /// Without a crop all images must come out alike.
  private static func sides(of size: Size?, _ config: JSONReader) throws(InputError) -> (height: Int, width: Int) {
    guard case .exact(let height, let width) = size else {
      throw config.child("do_center_crop", false).error(
        expected: "true, or a size of height and width: a vision tower reads images of one size")
    }
    return (height, width)
  }

  static func filter(
    _ value: JSONReader?, default usual: PixelImage.ResamplingFilter = .bicubic
  ) throws(InputError) -> PixelImage.ResamplingFilter {
    guard let value else { return usual }
    guard let filter = PixelImage.ResamplingFilter(rawValue: try value.int()) else {
      throw value.error(expected: "1 (Lanczos), 2 (bilinear), 3 (bicubic) or 4 (box), the only filters supported")
    }
    return filter
  }

  /// One number a channel; a single one is meant for all.
  static func channels(_ value: JSONReader?) throws(InputError) -> [Double]? {
    guard let value else { return nil }
    guard case .array = value.value else {
      let all = try value.double()
      return [all, all, all]
    }
    var numbers = [Double]()
    for element in try value.elements() { numbers.append(try element.double()) }
    guard numbers.count == 3, numbers.allSatisfy(\.isFinite) else { throw value.error(expected: "three numbers") }
    return numbers
  }

  /// The configuration as `preprocessor_config.json`.
  public var json: JSON {
    let size: JSON =
      switch self.size {
      case .shortestEdge(let edge): ["shortest_edge": .int(edge)]
      case .exact(let height, let width): ["height": .int(height), "width": .int(width)]
      case nil: .null
      }
    return [
      "image_processor_type": .string(padsToSquare ? "LlavaImageProcessor" : "CLIPImageProcessor"),
      "processor_class": "LlavaProcessor", "do_pad": .bool(padsToSquare), "do_resize": .bool(self.size != nil),
      "size": size, "resample": .int(filter.rawValue), "do_center_crop": true,
      "crop_size": ["height": .int(crop.height), "width": .int(crop.width)], "do_rescale": .bool(rescaling != nil),
      "rescale_factor": .double(rescaling ?? 1), "do_normalize": true, "do_convert_rgb": true,
      "image_mean": .array(mean.map { .double($0) }), "image_std": .array(deviation.map { .double($0) }),
    ]
  }
}
