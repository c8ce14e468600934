/* The look of the HTML report. Every pair of text and ground in it is of AA contrast, in light and
 * in dark. */
#ifndef MC_REPORT_REPORT_STYLE_H
#define MC_REPORT_REPORT_STYLE_H

extern const char mc_report_style[];

#endif
