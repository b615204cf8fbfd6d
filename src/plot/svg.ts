import type * as PlotModule from '@observablehq/plot';

/** Observable Plot with a document to draw in; both are loaded when the first picture is drawn. */
export interface Canvas {
  readonly Plot: typeof PlotModule;
  /** Draws and returns the SVG text. */
  draw(options: PlotModule.PlotOptions & { readonly ariaLabel: string }): string;
}

/** Colours that are told apart in grey and by most colour-blind readers, on light and dark ground. */
export const COLOURS = { source: '#3b7dd8', target: '#e0752d', truth: '#6a6a6a', learned: '#2a9d6f', other: '#a05fb4' } as const;

/** Loads the drawing library. */
export async function canvas(): Promise<Canvas> {
  const [Plot, { JSDOM }] = await Promise.all([import('@observablehq/plot'), import('jsdom')]);
  const { document } = new JSDOM('').window;
  return {
    Plot,
    draw({ ariaLabel, ...options }) {
      const svg = Plot.plot({
        document,
        width: 640,
        height: 420,
        marginLeft: 56,
        marginBottom: 44,
        style: { background: 'transparent', color: 'currentColor', fontFamily: 'system-ui, sans-serif', fontSize: '12px' },
        className: 'viaduct-plot',
        ...options,
      } as PlotModule.PlotOptions);
      svg.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
      svg.setAttribute('role', 'img');
      svg.setAttribute('aria-label', ariaLabel);
      return svg.outerHTML;
    },
  };
}
