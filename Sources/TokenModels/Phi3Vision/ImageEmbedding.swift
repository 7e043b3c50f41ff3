// SPDX-License-Identifier: Apache-2.0
import Torch
import TorchNN

/// From the views of images to embeddings of their tokens: the tower's patches, four of a square side by side, laid out
/// as the parts lie in the image, with a learnt separator at the end of each row and one between the parts and the
/// whole.
///
/// Sizes in shapes: V views, P patches, W the tower's width, F tokens of all images, H the decoder's width.
final class ImageEmbedding: Module {
  @Child("img_processor.vision_model") private var tower: VisionTower
  @Child("img_projection.0") private var inner: Linear
  @Child("img_projection.2") private var outer: Linear
  // Between the parts and the whole.
  @Parameter("glb_GN") private var middle: Tensor  // [1, 1, 4 W]
  // At the end of each row.
  @Parameter("sub_GN") private var rowEnd: Tensor  // [1, 1, 1, 4 W]
  private let featureLayers: Int, side: Int

  init(_ c: Phi3VisionConfiguration) {
    (featureLayers, side) = (c.featureLayers, c.tokenSide)
    super.init()
    let width = c.language.hiddenSize, merged = 4 * c.vision.hiddenSize
    tower = VisionTower(c.vision)
    inner = Linear(merged, width, device: .meta)
    outer = Linear(width, width, device: .meta)
    middle = .empty([1, 1, merged], device: .meta)
    rowEnd = .empty([1, 1, 1, merged], device: .meta)
  }

  /// The images' views → `[F, H]`.
  func callAsFunction(_ images: ImageInput) -> Tensor {
    let states = tower(images.pixels, layers: featureLayers)
    let patches = states.narrow(1, 1, states.size(1) - 1)
    var view = 0, tokens = [Tensor]()
    for grid in images.grids {
      guard let grid else { preconditionFailure("an image without parts") }
      let parts = grid.rows * grid.columns
      tokens += [
        lines(patches.narrow(0, view + 1, parts), rows: grid.rows, columns: grid.columns), middle.flatten(0, 1),
        lines(patches.narrow(0, view, 1), rows: 1, columns: 1),
      ]
      view += 1 + parts
    }
    return outer(inner(Tensor.cat(tokens)).gelu())
  }

  /// Views of parts `[rows · columns, P, W]` → rows of tokens, each with its end,
  /// `[(rows · s) · (columns · s + 1), 4 W]`.
  private func lines(_ patches: Tensor, rows: Int, columns: Int) -> Tensor {
    let width = patches.size(2)
    let squares = patches.reshape([rows, columns, side, 2, side, 2, width]).permute([0, 2, 1, 4, 3, 5, 6])
      .reshape([rows * side, columns * side, 4 * width])
    let ends = rowEnd.view([1, 1, 4 * width]).expand([rows * side, 1, 4 * width])
    return Tensor.cat([squares, ends], 1).flatten(0, 1)
  }

  /// Randomly initialised values of what no layer holds: separators begin at 0, as in the original.
  override func initialiseTables(generator: Generator, dtype: DType, device: Device) {
    noGrad {
      middle = .zeros(middle.shape, dtype: dtype, device: device)
      rowEnd = .zeros(rowEnd.shape, dtype: dtype, device: device)
    }
  }
}
