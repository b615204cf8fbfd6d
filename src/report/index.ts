export { type Check, check, type Figure, type Report, reportHtml, reportJson, writeReport } from './report.ts';
