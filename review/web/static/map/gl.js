// Points, drawn by WebGL 2 in one call. What a campaign looks like stands in a small texture, so that to colour
// anew, to hide or to fade campaigns leaves the points alone.

export const HIDDEN = 8, FADED = 16, RINGED = 32; // beside the shape, in the fourth byte of a style

const WIDE = 256; // styles in a row of the texture

const VERTEX = `#version 300 es
layout(location = 0) in float x;
layout(location = 1) in float y;
layout(location = 2) in float radius;
layout(location = 3) in int campaign;
uniform vec4 view;    // clip = place * view.xy + view.zw
uniform vec2 growth;  // device pixels of a unit of radius, of a CSS pixel
uniform vec4 open;    // colour of points of no campaign
uniform highp usampler2D styles;
flat out vec4 fill;
flat out int shape;
flat out float ring;
flat out vec2 size;   // radius of the mark, half the side of its square

void main() {
  fill = open;
  shape = -1;
  ring = 0.0;
  float least = 1.2;
  gl_Position = vec4(vec2(x, y) * view.xy + view.zw, 0.0, 1.0);
  if (campaign >= 0) {
    uvec4 style = texelFetch(styles, ivec2(campaign % ${WIDE}, campaign / ${WIDE}), 0);
    bool faded = (style.a & ${FADED}u) != 0u;
    fill = vec4(vec3(style.rgb) / 255.0, faded ? 0.2 : 0.88);
    shape = int(style.a & 7u);
    ring = (style.a & ${RINGED}u) != 0u ? 1.0 : 0.0;
    least = 3.5;
    if ((style.a & ${HIDDEN}u) != 0u) gl_Position.x = 3.0; // outside, so it is not drawn
  }
  float r = max(least * growth.y, radius * growth.x);
  size = vec2(r, shape < 0 ? r + 0.5 : 1.3 * r + 2.0 * growth.y);
  gl_PointSize = 2.0 * size.y;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
flat in vec4 fill;
flat in int shape;
flat in float ring;
flat in vec2 size;
uniform vec3 page;
uniform vec3 ink;
uniform vec2 growth;
out vec4 colour;

float distance_to(vec2 p, float r) { // in pixels, negative inside; the corners are those of shapes.js
  vec2 q = abs(p);
  if (shape == 1) return max(q.x, q.y) - 0.849 * r;
  if (shape == 2) return max(p.y, q.x * 0.866 - p.y * 0.5) - 0.65 * r;
  if (shape == 3) return (q.x + q.y) * 0.707 - 0.849 * r;
  if (shape == 4) return max(-p.y, q.x * 0.866 + p.y * 0.5) - 0.65 * r;
  if (shape == 5) return max(q.y, q.x * 0.866 + q.y * 0.5) - 0.953 * r;
  return length(p) - r;
}

void main() {
  float d = distance_to((gl_PointCoord * 2.0 - 1.0) * size.y, size.x);
  float body = fill.a * clamp(0.5 - d, 0.0, 1.0);
  colour = vec4(fill.rgb * body, body);
  if (shape >= 0) {
    float edge = clamp((0.5 + 0.5 * ring) * growth.y + 0.5 - abs(d), 0.0, 1.0);
    edge *= fill.a < 0.5 && ring == 0.0 ? 0.3 : 1.0;
    colour = colour * (1.0 - edge) + vec4(mix(page, ink, ring) * edge, edge);
  }
}`;

export class Painter {
  #gl;
  #points = null;
  #styles = new Uint8Array(0);
  #at = {};

  /** Throws where there is no WebGL 2. `again` is called when a lost context has come back. */
  constructor(canvas, again) {
    this.#gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false });
    if (!this.#gl) throw new Error("This browser has no WebGL 2.");
    this.#prepare();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.#prepare();
      if (this.#points) this.points(this.#points);
      this.styles(this.#styles);
      again();
    });
  }

  /** As `decode` of data.js gives them. */
  points(points) {
    const gl = this.#gl;
    this.#points = points;
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, points.drawn, gl.STATIC_DRAW);
    for (let column = 0; column < 4; column++) {
      gl.enableVertexAttribArray(column);
      if (column < 3) gl.vertexAttribPointer(column, 1, gl.FLOAT, false, 4, 4 * points.n * column);
      else gl.vertexAttribIPointer(column, 1, gl.INT, 4, 4 * points.n * column);
    }
  }

  /** Four bytes for each campaign: red, green, blue, and its shape with the flags above. */
  styles(styles) {
    const gl = this.#gl;
    const rows = Math.max(1, Math.ceil(styles.length / 4 / WIDE));
    const filled = new Uint8Array(4 * WIDE * rows);
    filled.set(styles);
    this.#styles = styles;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8UI, WIDE, rows, 0, gl.RGBA_INTEGER, gl.UNSIGNED_BYTE, filled);
  }

  /** Colours are three bytes each; `ratio` is device pixels per CSS pixel. */
  draw(view, ratio, { page, ink, field }, openAlpha) {
    const gl = this.#gl, at = this.#at;
    const unit = view.base * view.scale;
    const [wide, high] = [(2 * unit) / view.width, (2 * unit) / view.height];
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.clearColor(...page.map((part) => part / 255), 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform4f(at.view, wide, high,
      (2 * view.dx) / view.width - 1, 1 - (2 * (view.dy + unit)) / view.height);
    gl.uniform2f(at.growth, view.growth * ratio, ratio);
    gl.uniform4f(at.open, ...field.map((part) => part / 255), openAlpha);
    gl.uniform3f(at.page, ...page.map((part) => part / 255));
    gl.uniform3f(at.ink, ...ink.map((part) => part / 255));
    if (this.#points) gl.drawArrays(gl.POINTS, 0, this.#points.n);
  }

  #prepare() {
    const gl = this.#gl;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
      throw new Error("This browser cannot run the map's shaders.");
    }
    gl.useProgram(program);
    for (const name of ["view", "growth", "open", "page", "ink"]) {
      this.#at[name] = gl.getUniformLocation(program, name);
    }
    gl.bindTexture(gl.TEXTURE_2D, gl.createTexture());
    for (const side of [gl.TEXTURE_MIN_FILTER, gl.TEXTURE_MAG_FILTER]) {
      gl.texParameteri(gl.TEXTURE_2D, side, gl.NEAREST);
    }
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }
}
